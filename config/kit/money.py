"""Amounts of money: an integer in the currency's minor unit, and the currency. Never a float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

# https://docs.stripe.com/currencies#zero-decimal, #three-decimal and #special-cases
ZERO_DECIMAL = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()  # noqa: SIM905
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# They have no smaller unit any more, but amounts go on being written with two digits, both 0: five
# of them are 500. Stripe's list of zero-decimal currencies names UGX too, and its API does not.
WHOLE_UNITS = frozenset({"isk", "ugx"})
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
# Twelve digits in IDR, eight elsewhere; a bigint holds far more.
LARGEST_AMOUNT = 999_999_999_999


class CurrencyMismatch(ValueError):
    pass


def decimals(currency: str) -> int:
    """How many digits of an amount stand behind the decimal point."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """What every amount must be a multiple of, for a provider to take it."""
    if currency in WHOLE_UNITS:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def in_decimals(amount: int, currency: str) -> str:
    """`19.00`, `500`, `5.120`, `-3.00`: for programs that read decimal numbers."""
    places = decimals(currency)
    whole, rest = divmod(abs(amount), 10**places)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}" + (f".{rest:0{places}d}" if places else "")


@dataclass(frozen=True, slots=True)
class Money:
    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise TypeError(f"an amount is an integer of minor units, not {self.amount!r}")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.islower():
            raise ValueError(f"{self.currency!r} is not a lower-case ISO 4217 code")

    @classmethod
    def written(cls, number: Decimal, currency: str) -> Money:
        """As people write it: `19` or `19.00`. Raises ValueError for more digits than there are."""
        units = number.scaleb(decimals(currency))
        if units != units.to_integral_value():
            raise ValueError(f"{number} is finer than {currency}")
        return cls(int(units), currency)

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def _same_currency(self, other: Money) -> None:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")

    @property
    def decimal(self) -> str:
        return in_decimals(self.amount, self.currency)

    def __str__(self) -> str:
        """`$19.00`, `¥500`, `KWD 5.120`, `-$3.00`, `ISK 500`."""
        places = decimals(self.currency)
        whole, rest = divmod(abs(self.amount), 10**places)
        if self.currency in WHOLE_UNITS and not rest:
            places = 0
        number = f"{whole:,}" + (f".{rest:0{places}d}" if places else "")
        sign = "-" if self.amount < 0 else ""
        symbol = SYMBOLS.get(self.currency)
        return f"{sign}{symbol}{number}" if symbol else f"{sign}{self.currency.upper()} {number}"


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Parts in proportion to the weights that add up to the whole: what rounding down leaves over
    goes, one unit each, to those that lost most by it, the earlier first."""
    total = sum(weights)
    if amount < 0 or total <= 0 or min(weights) < 0:
        raise ValueError(f"{amount} cannot be split by {weights}")
    parts = [amount * weight // total for weight in weights]
    lost = sorted(range(len(weights)), key=lambda each: -(amount * weights[each] % total))
    for each in lost[: amount - sum(parts)]:
        parts[each] += 1
    return parts
