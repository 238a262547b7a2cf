"""Receipts of what is paid once: when they are written, how they are numbered, what they show."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from billing import receipts, returns, sweeping
from billing.models import Invoice, NumberSeries, Payment
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.invoices import buy_item, invoices_of, paid_once, printed
from tests.plans import multiply, reading


def test_an_item_that_was_paid_has_a_receipt_at_once(shop: Shop, alice: User):
    buy_item(shop, alice, quantity=2)
    shop.hear()
    (receipt,) = invoices_of(shop, alice)
    year = receipt["paid_at"][:4]
    assert (receipt["kind"], receipt["number"]) == ("receipt", f"R-{year}-000001")
    assert (receipt["total"], receipt["hosted_url"]) == (598, None)
    shown = printed(shop, alice, receipt)
    for expected in ("Receipt", "Neon skin", "$5.98", "Paid on", "Visa •••• 4242"):
        assert expected in shown, shown


def test_the_sweep_writes_the_receipts_that_nobody_asked_for(shop: Shop, alice: User):
    buy_item(shop, alice)
    shop.hear()
    assert not Invoice.objects.exists()
    assert sweeping.sweep()["receipts_written"] == 1
    assert sweeping.sweep()["receipts_written"] == 0
    assert Invoice.objects.get().payment == Payment.objects.get()


def test_a_plan_for_life_has_a_receipt_and_a_subscription_none(shop: Shop, alice: User, bob: User):
    shop.buy(alice, "lifetime")
    shop.buy(bob)
    shop.hear()
    assert [each["kind"] for each in invoices_of(shop, alice)] == ["receipt"]
    assert [each["kind"] for each in invoices_of(shop, bob)] == ["invoice"]


def test_a_receipt_waits_for_what_the_hosted_page_took_off(shop: Shop, alice: User):
    shop.buy(alice, "lifetime")
    happened = shop.stripe.events()
    late = [each for each in happened if each["type"] == "checkout.session.completed"]
    shop.hear(*[each for each in happened if each not in late])
    assert invoices_of(shop, alice) == []
    shop.hear(*late)
    assert len(invoices_of(shop, alice)) == 1


def test_a_receipt_does_not_wait_for_ever(shop: Shop, alice: User):
    shop.buy(alice, "lifetime")
    happened = shop.stripe.events()
    shop.hear(*[each for each in happened if each["type"] != "checkout.session.completed"])
    Payment.objects.update(paid_at=datetime.now(UTC) - timedelta(hours=2))
    assert [each["total"] for each in invoices_of(shop, alice)] == [800000]


def test_what_was_not_paid_has_no_receipt(shop: Shop, alice: User):
    begun = shop.client(alice).post("/api/v1/payment-intents", {"item_id": "skin_neon"}).json()
    shop.stripe.control(f"payment_intents/{begun['id']}/confirm", card="4000000000000002")
    shop.hear()
    assert Payment.objects.get().status == "failed"
    assert invoices_of(shop, alice) == []


def test_numbers_have_no_gap_however_many_write_at_once(shop: Shop, alice: User):
    at = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(12):
        paid_once(alice, number, at + timedelta(seconds=number))

    def write() -> None:
        receipts.write_missing_of(alice)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [f"R-2026-{number:06d}" for number in range(1, 13)]
    assert NumberSeries.objects.get().last == 12


def test_each_year_begins_a_series_of_its_own(shop: Shop, alice: User):
    paid_once(alice, 1, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    paid_once(alice, 2, datetime(2027, 1, 1, tzinfo=UTC))
    receipts.write_missing_of(alice)
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [
        "R-2026-000001",
        "R-2027-000001",
    ]


def test_a_missing_receipt_is_found_without_a_look_at_those_that_are_not(shop: Shop, alice: User):
    missing = paid_once(alice, 1, datetime(2026, 3, 1, tzinfo=UTC))
    before = {"id": "gen_random_uuid()", "provider_id": "'pi_before' || n", "has_receipt": "true"}
    multiply(missing, 20_000, **before)
    with reading() as reads:
        assert [each["number"] for each in invoices_of(shop, alice)] == ["R-2026-000001"]
    assert reads.of("billing_payment") <= 3
    with reading() as reads:
        assert len(invoices_of(shop, alice)) == 1
    assert reads.of("billing_payment") == 0


class Refunded:
    """The app that gives money back, as it will tell of it."""

    def refunds_of(self, payment: Payment) -> list[dict[str, Any]]:
        return [
            {"amount": 100, "status": "succeeded", "created_at": "2026-04-02T10:00:00Z"},
            {"amount": 50, "status": "failed", "created_at": "2026-04-03T10:00:00Z"},
        ]


def test_refunds_are_shown_with_their_dates_and_what_is_left(
    shop: Shop, alice: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(returns, "_teller", Refunded())
    paid_once(alice, 1, datetime(2026, 3, 1, tzinfo=UTC))
    (receipt,) = invoices_of(shop, alice)
    shown = printed(shop, alice, receipt)
    for expected in ("Refunded on 2 April 2026", "-$1.00", "Paid after refunds", "$1.99"):
        assert expected in shown, shown
    assert "3 April" not in shown
