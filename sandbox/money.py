"""Amounts in the smallest unit: which are allowed, what they cost, how they are written."""

from .errors import InvalidRequest

ZERO_DECIMAL = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
TWO_DECIMAL = frozenset(
    [
        "aed",
        "afn",
        "all",
        "amd",
        "ang",
        "aoa",
        "ars",
        "aud",
        "awg",
        "azn",
        "bam",
        "bbd",
        "bdt",
        "bgn",
        "bmd",
        "bnd",
        "bob",
        "brl",
        "bsd",
        "btn",
        "bwp",
        "byn",
        "bzd",
        "cad",
        "cdf",
        "chf",
        "cny",
        "cop",
        "crc",
        "cve",
        "czk",
        "dkk",
        "dop",
        "dzd",
        "egp",
        "etb",
        "eur",
        "fjd",
        "fkp",
        "gbp",
        "gel",
        "gip",
        "gmd",
        "gtq",
        "gyd",
        "hkd",
        "hnl",
        "hrk",
        "htg",
        "huf",
        "idr",
        "ils",
        "inr",
        "isk",
        "jmd",
        "kes",
        "kgs",
        "khr",
        "kyd",
        "kzt",
        "lak",
        "lbp",
        "lkr",
        "lrd",
        "lsl",
        "mad",
        "mdl",
        "mkd",
        "mmk",
        "mnt",
        "mop",
        "mro",
        "mur",
        "mvr",
        "mwk",
        "mxn",
        "myr",
        "mzn",
        "nad",
        "ngn",
        "nio",
        "nok",
        "npr",
        "nzd",
        "pab",
        "pen",
        "pgk",
        "php",
        "pkr",
        "pln",
        "qar",
        "ron",
        "rsd",
        "rub",
        "sar",
        "sbd",
        "scr",
        "sek",
        "sgd",
        "shp",
        "sle",
        "sll",
        "sos",
        "srd",
        "std",
        "svc",
        "szl",
        "thb",
        "tjs",
        "top",
        "try",
        "ttd",
        "twd",
        "tzs",
        "uah",
        "ugx",
        "usd",
        "uyu",
        "uzs",
        "wst",
        "xcd",
        "xcg",
        "yer",
        "zar",
        "zmw",
    ]
)
# Written with two digits, which have to be 0: https://docs.stripe.com/currencies#special-cases
WHOLE_UNITS = frozenset(["isk", "ugx"])
CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUM = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip
MAXIMUM = 99_999_999
MAXIMUM_IN = {"idr": 999_999_999_999}
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "krw": "₩", "inr": "₹", "brl": "R$"}

FEE_RATE = 0.029
FEE_FIXED = 30


def decimals(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def formatted(amount: int, currency: str) -> str:
    """`$20.00`, `¥500`, `KWD 1.250`"""
    places = decimals(currency)
    number = f"{abs(amount) / 10**places:,.{places}f}"
    sign = "-" if amount < 0 else ""
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{currency.upper()} {number}"


def rounded_fee(amount: int) -> int:
    """What Stripe keeps of a card payment: 2.9 % and 30 of the smallest unit."""
    return int(amount * FEE_RATE + 0.5) + FEE_FIXED


def check_currency(currency: str) -> str:
    lowered = currency.lower()
    if lowered not in CURRENCIES:
        raise InvalidRequest(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            + ", ".join(sorted(CURRENCIES)),
            "currency",
        )
    return lowered


def maximum(currency: str) -> int:
    return MAXIMUM_IN.get(currency, MAXIMUM)


def check_charge(amount: int, currency: str, param: str = "amount") -> None:
    """Raise for an amount that nobody can be charged."""
    if amount < 1:
        raise InvalidRequest(
            "The amount must be greater than or equal to the minimum charge amount allowed for"
            " your account and the currency set"
            " (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you"
            " want to save a Payment Method for future use without an immediate payment, use a"
            " Setup Intent instead: https://docs.stripe.com/payments/setup-intents",
            param,
            "parameter_invalid_integer",
        )
    least = MINIMUM.get(currency, 1)
    if amount < least:
        raise InvalidRequest(
            f"Amount must be at least {formatted(least, currency)} {currency}",
            param,
            "amount_too_small",
        )
    most = maximum(currency)
    if amount > most:
        raise InvalidRequest(
            f"Amount must be no more than {formatted(most, currency)}", param, "amount_too_large"
        )
    if currency in WHOLE_UNITS and amount % 100:
        raise InvalidRequest(
            f"Invalid amount. Currency {currency.upper()} has become effectively zero-decimal and"
            " charged amounts must be evenly divisible by 100. See"
            " https://stripe.com/docs/currencies#special-cases for more information.",
            param,
            "invalid_charge_amount_no_decimal_compatible",
        )
    if currency in THREE_DECIMAL and amount % 10:
        raise InvalidRequest(
            f"Invalid amount: {currency.upper()} amounts must be divisible by 10, as its last"
            " decimal has to be zero.",
            param,
        )
