"""Money between Stripe and our own bank, and what Stripe takes for itself: books and proof."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import transaction

from billing import bookkeeping
from billing.providers import get_provider
from billing.reconciliation.models import Difference, Match
from billing.wallet import bookings, ledger
from config.kit.money import Money
from tests.billing.conftest import Shop, unfinished
from tests.billing.reconciliation.planting import ask, put_aside
from tests.billing.reconciliation.test_reconcile import reconcile

ACCOUNTS = ("stripe:clearing", "cash:in_transit", "cash:bank")


@pytest.fixture
def funded(shop: Shop) -> Shop:
    """Stripe holds some hundreds of ours, and may pay them out."""
    for _ in range(3):
        shop.buy(shop.person())
    shop.stripe.control("clock", advance_seconds=3 * 86400).raise_for_status()
    shop.hear()
    bookkeeping.collect_fees()
    return shop


def send(shop: Shop, amount: int = 10_000) -> str:
    return str(ask(shop, "payouts", amount=amount, currency="usd")["id"])


def top_up(shop: Shop, amount: int = 5_000) -> str:
    return str(ask(shop, "topups", amount=amount, currency="usd")["id"])


def settle(shop: Shop, path: str, status: str) -> None:
    shop.stripe.control(f"{path}/settle", status=status).raise_for_status()


def moved(since: dict[str, int]) -> list[int]:
    return [amount - since[name] for name, amount in balances().items()]


def balances() -> dict[str, int]:
    return {name: ledger.balance(name, "usd").amount for name in ACCOUNTS}


def proved() -> bool:
    """In their own sums, and by what Stripe says that it holds."""
    held = get_provider("stripe").balance()
    return bookkeeping.held_by("stripe") == held and bool(bookkeeping.verify()["ok"])


def test_a_payout_to_our_bank_is_on_its_way_and_then_there(funded: Shop):
    before = balances()
    payout = send(funded)
    funded.hear()
    assert moved(before) == [10_000, -10_000, 0]
    assert proved()
    settle(funded, f"payouts/{payout}", "paid")
    funded.hear()
    funded.hear()
    assert moved(before) == [10_000, 0, -10_000]
    assert proved()


@pytest.mark.parametrize("steps", [["failed"], ["paid", "failed"], ["cancel"]], ids="-".join)
@pytest.mark.parametrize("seed", range(3))
def test_one_that_comes_back_leaves_nothing_behind_in_any_order(
    funded: Shop, steps: list[str], seed: int
):
    before, known = balances(), len(funded.stripe.events())
    payout = send(funded)
    for step in steps:
        if step == "cancel":
            ask(funded, f"payouts/{payout}/cancel")
        else:
            settle(funded, f"payouts/{payout}", step)
    news = funded.stripe.events()[known:]
    random.Random(seed).shuffle(news)
    for each in [*news, *news]:
        funded.hear(each)
    assert moved(before) == [0, 0, 0]
    assert not unfinished()
    assert proved()


def test_a_top_up_is_held_once_it_is_there_and_gone_once_the_bank_takes_it_back(funded: Shop):
    before = balances()
    made = top_up(funded)
    funded.hear()
    assert moved(before) == [0, 0, 0]
    settle(funded, f"topups/{made}", "succeeded")
    funded.hear()
    assert moved(before) == [-5_000, 0, 5_000]
    assert proved()
    settle(funded, f"topups/{made}", "reversed")
    funded.hear(*reversed(funded.stripe.events()))
    assert moved(before) == [0, 0, 0]
    assert proved()


def test_a_top_up_that_fails_moves_nothing(funded: Shop):
    before = balances()
    settle(funded, f"topups/{top_up(funded)}", "failed")
    funded.hear()
    assert moved(before) == [0, 0, 0]


def test_what_stripe_takes_for_itself_is_a_fee(funded: Shop):
    before = ledger.balance("fees:provider", "usd").amount
    funded.stripe.control("fees", amount=700).raise_for_status()
    assert bookkeeping.collect_fees() == 1
    assert bookkeeping.collect_fees() == 0
    assert ledger.balance("fees:provider", "usd").amount == before - 700
    assert proved()


# --- what was never told --------------------------------------------------------------------------


def all_kinds(shop: Shop) -> None:
    """Each way for money to come and go, there and back."""
    send(shop, 3_000)
    settle(shop, f"payouts/{send(shop, 2_000)}", "failed")
    ask(shop, f"payouts/{send(shop, 1_000)}/cancel")
    kept, taken_back = top_up(shop, 4_000), top_up(shop, 1_500)
    for made in (kept, taken_back):
        settle(shop, f"topups/{made}", "succeeded")
    settle(shop, f"topups/{taken_back}", "reversed")
    shop.stripe.control("fees", amount=300).raise_for_status()


def test_what_was_told_is_no_difference(funded: Shop):
    all_kinds(funded)
    funded.hear()
    assert reconcile()[1]["open"] == {}
    lines = {each["id"] for each in funded.stripe.get("balance_transactions", limit=100)["data"]}
    assert set(Match.objects.values_list("movement_id", flat=True)) == lines


def test_what_meant_nothing_is_found_and_booked_by_its_rule(funded: Shop):
    before = balances()
    all_kinds(funded)
    put_aside(funded)
    assert reconcile()[1]["open"] == {"booking_missing": 8, "balance": 1}
    sums: Any = Difference.objects.get(kind="balance")
    assert sums.cause == "others"
    assert reconcile("--fix")[1]["repaired"] == 8
    assert reconcile()[1]["open"] == {}
    assert moved(before)[1:] == [-3_000, 4_000]
    assert proved()


def test_a_booking_that_stripe_knows_nothing_of_is_found(funded: Shop):
    with transaction.atomic():
        bookings.top_up_received("tu_gone", "stripe", Money(900, "usd"))
        bookings.bank_payout_sent("po_gone", "stripe", Money(900, "usd"))
    assert reconcile()[1]["open"] == {"booking_orphaned": 2}
