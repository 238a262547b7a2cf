from __future__ import annotations

import uuid

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.wallet import bookings, funds, ledger
from config.kit.money import Money, split

PAYMENT, PAYOUT, ALICE = uuid.uuid4(), uuid.uuid4(), 7


def usd(amount: int) -> Money:
    return Money(amount, "usd")


def balances() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, balance FROM audit_account WHERE balance <> 0")
        return dict(cursor.fetchall())


def earn(amount: int) -> None:
    entries = [("stripe:clearing", usd(-amount)), *funds.arriving(ALICE, usd(amount))]
    ledger.post(reference=f"earned:{uuid.uuid4()}", entries=entries)


def lose(amount: int) -> None:
    entries = [("stripe:clearing", usd(amount)), *funds.leaving(ALICE, usd(amount))]
    ledger.post(reference=f"lost:{uuid.uuid4()}", entries=entries)


@pytest.mark.django_db
def test_a_payment_its_fee_and_its_refund_end_where_the_table_says():
    for _ in range(2):
        bookings.payment_paid(PAYMENT, "stripe", usd(1000))
        bookings.provider_fee("txn_1", "stripe", usd(59), for_what="charge")
        bookings.refund("refund:1", "stripe", usd(300))
    assert balances() == {
        "stripe:clearing": -641,
        "revenue": 1000,
        "fees:provider": -59,
        "refunds": -300,
    }


@pytest.mark.django_db
def test_a_refund_that_the_bank_sends_back_is_undone_once():
    bookings.payment_paid(PAYMENT, "stripe", usd(1000))
    bookings.refund("refund:1", "stripe", usd(300))
    assert bookings.undo("refund:1", why="The card is closed")
    assert not bookings.undo("refund:1", why="The card is closed")
    assert balances() == {"stripe:clearing": -1000, "revenue": 1000}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("won", "left"),
    [
        (True, {"stripe:clearing": -1000, "revenue": 1000}),
        (False, {"revenue": 1000, "disputes": -1000}),
    ],
)
def test_a_dispute_takes_the_money_until_it_is_won(won: bool, left: dict[str, int]):
    bookings.payment_paid(PAYMENT, "stripe", usd(1000))
    bookings.dispute_opened("dp_1", "stripe", usd(1000))
    if won:
        bookings.dispute_won("dp_1", "stripe", usd(1000))
    assert balances() == left


@pytest.mark.django_db
def test_what_costs_nothing_is_not_booked():
    assert not bookings.payment_paid(PAYMENT, "stripe", usd(0))
    assert balances() == {}


@pytest.mark.django_db
def test_a_payout_is_reserved_then_paid():
    earn(1000)
    funds.reserve(PAYOUT, ALICE, usd(300))
    assert balances() == {
        "stripe:clearing": -1000,
        f"wallet:{ALICE}": 700,
        "payouts:in_transit": 300,
    }
    for _ in range(2):
        funds.payout_paid(PAYOUT, ALICE, "stripe", usd(300))
    assert balances() == {"stripe:clearing": -700, f"wallet:{ALICE}": 700}


@pytest.mark.django_db
@pytest.mark.parametrize("paid_first", [True, False])
def test_a_payout_that_fails_is_in_the_wallet_again_once(paid_first: bool):
    earn(1000)
    funds.reserve(PAYOUT, ALICE, usd(300))
    if paid_first:
        funds.payout_paid(PAYOUT, ALICE, "stripe", usd(300))
    for _ in range(2):
        funds.payout_returned(PAYOUT, ALICE, "stripe", usd(300))
        funds.payout_paid(PAYOUT, ALICE, "stripe", usd(300))
    assert balances() == {"stripe:clearing": -1000, f"wallet:{ALICE}": 1000}


@pytest.mark.django_db
def test_more_than_there_is_cannot_be_taken_out():
    earn(299)
    with pytest.raises(funds.InsufficientFunds), transaction.atomic():
        funds.reserve(PAYOUT, ALICE, usd(300))
    assert funds.available(ALICE, "usd") == usd(299)


@pytest.mark.django_db
def test_what_is_owed_is_repaid_first_by_what_is_earned():
    earn(100)
    lose(250)
    assert funds.available(ALICE, "usd") == usd(0)
    assert funds.owed(ALICE, "usd") == usd(150)
    earn(100)
    assert funds.owed(ALICE, "usd") == usd(50)
    assert funds.available(ALICE, "usd") == usd(0)
    earn(100)
    assert funds.owed(ALICE, "usd") == usd(0)
    assert funds.available(ALICE, "usd") == usd(50)


@pytest.mark.django_db
def test_who_owes_takes_nothing_out():
    lose(1)
    with pytest.raises(funds.InsufficientFunds), transaction.atomic():
        funds.reserve(PAYOUT, ALICE, usd(0))


@settings(max_examples=2_000, deadline=None)
@given(st.integers(0, 10**12), st.lists(st.integers(0, 10_000), min_size=1, max_size=6).filter(any))
def test_parts_add_up_to_the_whole_and_none_is_off_by_a_unit(amount: int, weights: list[int]):
    parts = split(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)
