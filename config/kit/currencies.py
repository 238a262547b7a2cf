"""What Stripe can charge, so that a price nobody could pay is refused before it is sold.

Amounts are written as Stripe takes them; none is ever rounded here. https://docs.stripe.com/currencies
"""

from __future__ import annotations

from config.kit.money import THREE_DECIMAL, ZERO_DECIMAL, Money, step

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
    ]  # noqa: SIM905
)
CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL
# Where Stripe publishes one; elsewhere it is the worth of half a dollar on the day.
LEAST = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip
MOST, MOST_IN = 99_999_999, {"idr": 999_999_999_999}


def why_not(money: Money) -> str:
    """Why Stripe would not charge this; empty where it would."""
    currency = money.currency.upper()
    if money.currency not in CURRENCIES:
        return f"{currency} is no currency that Stripe charges."
    least, most = LEAST.get(money.currency, 1), MOST_IN.get(money.currency, MOST)
    if money.amount < least:
        return (
            f"{money} is less than the least that Stripe charges, {Money(least, money.currency)}."
        )
    if money.amount > most:
        return f"{money} is more than the most that Stripe charges, {Money(most, money.currency)}."
    each = step(money.currency)
    if money.amount % each:
        return (
            f"{money.amount} {currency} cannot be charged: the amount must be a multiple of {each}."
        )
    return ""
