"""Stripe settles in another currency than was charged: both are in the books, each by itself."""

from __future__ import annotations

import pytest

from billing import bookkeeping
from billing.models import Payment
from billing.providers import get_provider
from billing.reconciliation.models import Difference, Match
from billing.wallet import ledger
from billing.wallet.models import Transfer
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.reconciliation.planting import ask, fees_collected_until_tomorrow, put_aside
from tests.billing.reconciliation.test_reconcile import reconcile


@pytest.fixture
def exchanging(shop: Shop) -> Shop:
    """An account with a bank in Europe, which sells in dollars."""
    shop.stripe.control("settings", settles_in="eur").raise_for_status()
    return shop


def balance(name: str, currency: str) -> int:
    return ledger.balance(name, currency).amount


def proved() -> bool:
    """In their own sums, each currency by itself, and by what Stripe says that it holds."""
    ours = {name: amount for name, amount in bookkeeping.held_by("stripe").items() if amount}
    return ours == get_provider("stripe").balance() and bool(bookkeeping.verify()["ok"])


def sell(shop: Shop, buyer: User) -> str:
    shop.buy(buyer, "lifetime")
    shop.hear()
    return Payment.objects.get(user=buyer).provider_id


@pytest.mark.parametrize(("into", "got"), [("eur", 640_000), ("jpy", 1_000_000)])
def test_dollars_are_earned_and_another_currency_is_held(
    shop: Shop, alice: User, into: str, got: int
):
    shop.stripe.control("settings", settles_in=into).raise_for_status()
    sell(shop, alice)
    bookkeeping.collect_fees()
    assert bookkeeping.collect_fees() == 0
    fee = balance("fees:provider", into)
    assert (balance("revenue", "usd"), balance("stripe:clearing", "usd")) == (800_000, 0)
    assert balance("stripe:clearing", into) == -(got + fee)
    assert (balance("exchange", "usd"), balance("exchange", into)) == (-800_000, got)
    assert proved()


def test_the_books_may_be_read_before_the_payment_is_told(exchanging: Shop, alice: User):
    exchanging.buy(alice, "lifetime")
    bookkeeping.collect_fees()
    exchanging.hear()
    assert balance("stripe:clearing", "usd") == 0
    assert proved()


def test_what_goes_back_and_comes_again_is_exchanged_too(exchanging: Shop, alice: User, bob: User):
    refunded, disputed = sell(exchanging, alice), sell(exchanging, bob)
    ask(exchanging, "refunds", payment_intent=refunded, amount=333)
    back = ask(exchanging, "refunds", payment_intent=refunded, amount=1_000)
    exchanging.stripe.control(f"refunds/{back['id']}/settle", status="failed").raise_for_status()
    opened = exchanging.stripe.control("disputes", payment_intent=disputed).json()
    exchanging.stripe.control(f"disputes/{opened['id']}/close", status="won").raise_for_status()
    exchanging.hear()
    bookkeeping.collect_fees()
    assert (balance("refunds", "usd"), balance("disputes", "usd")) == (-333, 0)
    assert balance("stripe:clearing", "usd") == 0
    assert proved()
    assert reconcile()[1]["open"] == {}


def test_each_line_of_both_books_has_its_other_side(exchanging: Shop, alice: User):
    intent = sell(exchanging, alice)
    ask(exchanging, "refunds", payment_intent=intent, amount=700)
    exchanging.hear()
    assert reconcile()[1]["open"] == {}
    booked = Transfer.objects.filter(entries__account__name="stripe:clearing")
    matched = set(Match.objects.values_list("reference", flat=True))
    assert set(booked.values_list("reference", flat=True)) == matched
    assert sum(name.startswith("exchange:") for name in matched) == 2


def test_an_exchange_that_was_never_booked_is_found_and_booked(exchanging: Shop, alice: User):
    fees_collected_until_tomorrow()
    sell(exchanging, alice)
    open_ones = reconcile()[1]["open"]
    assert (open_ones["exchange_missing"], open_ones["fee_missing"]) == (1, 1)
    assert "changed into" in Difference.objects.get(kind="exchange_missing").theirs
    reconcile("--fix")
    assert Difference.objects.get(kind="exchange_missing").status == "repaired"
    assert balance("stripe:clearing", "eur") == -get_provider("stripe").balance()["eur"]


def test_what_meant_nothing_is_booked_in_what_was_charged(exchanging: Shop, alice: User):
    intent = sell(exchanging, alice)
    ask(exchanging, "refunds", payment_intent=intent, amount=500)
    put_aside(exchanging)
    assert reconcile()[1]["open"] == {"booking_missing": 1, "balance": 1}
    assert Difference.objects.get(kind="balance").cause == "others"
    reconcile("--fix")
    assert reconcile()[1]["open"] == {}
    assert balance("refunds", "usd") == -500
    assert proved()
