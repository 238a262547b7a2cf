from __future__ import annotations

import pytest

from config.kit import currencies
from config.kit.money import Money
from sandbox import money as at_stripe


@pytest.mark.parametrize(
    ("amount", "currency", "words", "decimal"),
    [
        (1900, "usd", "$19.00", "19.00"),
        (123456789, "eur", "€1,234,567.89", "1234567.89"),
        (5, "gbp", "£0.05", "0.05"),
        (-300, "usd", "-$3.00", "-3.00"),
        (500, "jpy", "¥500", "500"),
        (500, "krw", "KRW 500", "500"),
        (5120, "kwd", "KWD 5.120", "5.120"),
        (500, "isk", "ISK 5", "5.00"),
        (500, "ugx", "UGX 5", "5.00"),
        (550, "isk", "ISK 5.50", "5.50"),
        (1045, "huf", "HUF 10.45", "10.45"),
        (80045, "twd", "TWD 800.45", "800.45"),
    ],
)
def test_an_amount_is_written_as_its_currency_is(
    amount: int, currency: str, words: str, decimal: str
):
    money = Money(amount, currency)
    assert (str(money), money.decimal) == (words, decimal)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (49, "usd", "less than the least that Stripe charges, $0.50"),
        (50, "usd", ""),
        (99_999_999, "usd", ""),
        (100_000_000, "usd", "more than the most"),
        (100_000_000, "idr", ""),
        (1_000_000_000_000, "idr", "more than the most"),
        (5125, "kwd", "multiple of 10"),
        (5120, "kwd", ""),
        (550, "isk", "multiple of 100"),
        (550, "ugx", "multiple of 100"),
        (500, "ugx", ""),
        (17_499, "huf", "less than the least"),
        (80_045, "twd", ""),
        (100, "xxx", "no currency that Stripe charges"),
    ],
)
def test_what_stripe_would_not_charge_is_known_before(amount: int, currency: str, words: str):
    refusal = currencies.why_not(Money(amount, currency))
    assert words in refusal
    assert bool(words) == bool(refusal)


@pytest.mark.parametrize("amount", [19.0, "19", None, True])
def test_an_amount_is_an_integer_and_nothing_else(amount: object):
    with pytest.raises(TypeError):
        Money(amount, "usd")  # type: ignore[arg-type]


def test_the_stand_in_knows_the_same_currencies():
    """Two lists, as the product and its stand-in share no code; both are from Stripe's page."""
    assert currencies.CURRENCIES == at_stripe.CURRENCIES
    assert len(currencies.CURRENCIES) >= 135
    assert currencies.LEAST == at_stripe.MINIMUM
