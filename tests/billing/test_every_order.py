"""R05: whatever order the news of a life comes in, and however often, the rows end the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import permutations
from math import factorial
from typing import Any

import pytest
from django.db import connection, transaction

from billing.models import Entitlement, Payment, PaymentAttempt, Subscription
from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished
from tests.stripe_events import event

Life = list[dict[str, Any]]
# Six hundred events through the inbox, on a machine that may be busy.
pytestmark = pytest.mark.timeout(300)
# Ids of our own, and who told us first, which is how the news came and not what it says.
OURS = {"id", "told_by"}


def rows(of: Any) -> list[dict[str, Any]]:
    found = [{name: row[name] for name in row.keys() - OURS} for row in of.values()]
    return sorted(found, key=str)


def books() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, currency, balance FROM audit_account ORDER BY 1, 2")
        return cursor.fetchall()


def end() -> dict[str, Any]:
    attempts = PaymentAttempt.objects.order_by("provider_id").values_list(
        "provider_id", "succeeded", "code", "decline_code", "message", "method", "created_at"
    )
    held = Entitlement.objects.filter(revoked_at=None)
    return {
        "payments": rows(Payment.objects),
        "attempts": list(attempts),
        "subscriptions": rows(Subscription.objects),
        "entitlements": list(held.values_list("plan__tier", "expires_at")),
        "books": books(),
    }


def hear(told: Sequence[dict[str, Any]]) -> None:
    """All of it in this order, straight into the inbox. Each a new event, as two endpoints send."""
    WebhookEvent.objects.bulk_create(
        WebhookEvent(
            provider="stripe",
            event_id=f"{each['id']}x{number}",
            type=each["type"],
            body=json.dumps(each),
        )
        for number, each in enumerate(told)
    )
    inbox.drain()
    assert not unfinished()


def ends_of(life: Life) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """Each from the same beginning; nothing of a run stays. Every event is told twice."""
    for order in permutations(range(len(life))):
        with transaction.atomic():
            hear([life[number] for number in (*order, *reversed(order))])
            found = end()
            transaction.set_rollback(True)
        yield list(order), found


def assert_one_end(life: Life) -> dict[str, Any]:
    runs = ends_of(life)
    _, in_order = next(runs)
    count = 1
    for order, found in runs:
        assert found == in_order, order
        count += 1
    assert count == factorial(len(life))
    return in_order


@pytest.fixture
def invoice(shop: Shop, alice: User) -> dict[str, Any]:
    """Stripe's invoice of a plan that Alice has bought; its payment is not told of yet."""
    shop.buy(alice)
    shop.hear(*[each for each in shop.stripe.events() if "subscription" in each["type"]])
    assert not Payment.objects.exists()
    subscription = Subscription.objects.get()
    found = shop.stripe.get("invoices", subscription=subscription.provider_id)["data"]
    return found[0]


def intent_of(shop: Shop) -> dict[str, Any]:
    paid = [e for e in shop.stripe.events() if e["type"] == "payment_intent.succeeded"]
    intent: dict[str, Any] = paid[0]["data"]["object"]
    return intent


def declined(intent: dict[str, Any], number: int, code: str, words: str) -> dict[str, Any]:
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": code,
        "message": words,
        "charge": f"ch_declined{number}",
        "payment_method": {
            "id": f"pm_{number}",
            "type": "card",
            "card": {"brand": "visa", "last4": f"000{number}"},
        },
    }
    return {
        **intent,
        "status": "requires_payment_method",
        "amount_received": 0,
        "latest_charge": f"ch_declined{number}",
        "last_payment_error": error,
    }


def test_a_payment_that_succeeds_after_all(shop: Shop, invoice: dict[str, Any]):
    intent, born = intent_of(shop), invoice["created"]
    refused = declined(intent, 1, "insufficient_funds", "Your card has insufficient funds.")
    unpaid = {**invoice, "status": "open", "amount_paid": 0}
    life = [
        event("payment_intent.payment_failed", refused, created=born + 10),
        event("invoice.payment_failed", unpaid, created=born + 11),
        event("payment_intent.processing", {**intent, "status": "processing"}, created=born + 20),
        event("payment_intent.succeeded", intent, created=born + 30),
        event("invoice.paid", invoice, created=born + 31),
    ]
    found = assert_one_end(life)
    assert [(row["status"], row["failure_code"]) for row in found["payments"]] == [
        ("succeeded", "")
    ]
    assert len(found["attempts"]) == 2


def test_a_payment_that_is_given_up(shop: Shop, invoice: dict[str, Any]):
    intent, born = intent_of(shop), invoice["created"]
    first = declined(intent, 1, "insufficient_funds", "Your card has insufficient funds.")
    second = declined(intent, 2, "lost_card", "Your card was declined.")
    unpaid = {**invoice, "status": "open", "amount_paid": 0}
    life = [
        event("payment_intent.payment_failed", first, created=born + 10),
        event("invoice.payment_failed", unpaid, created=born + 10),
        event("payment_intent.processing", {**intent, "status": "processing"}, created=born + 20),
        event("payment_intent.payment_failed", second, created=born + 30),
    ]
    found = assert_one_end(life)
    (payment,) = found["payments"]
    assert (payment["status"], payment["failure_code"]) == ("failed", "lost_card")
    assert payment["method"] == "Visa •••• 0002"


def test_a_payment_whose_processing_is_the_last_word(shop: Shop, invoice: dict[str, Any]):
    intent, born = intent_of(shop), invoice["created"]
    first = declined(intent, 1, "insufficient_funds", "Your card has insufficient funds.")
    processing = {**intent, "status": "processing"}
    unpaid = {**invoice, "status": "open", "amount_paid": 0}
    life = [
        event("payment_intent.processing", processing, created=born + 5),
        event("payment_intent.payment_failed", first, created=born + 10),
        event("invoice.payment_failed", unpaid, created=born + 12),
        event("payment_intent.processing", processing, created=born + 20),
    ]
    found = assert_one_end(life)
    assert [row["status"] for row in found["payments"]] == ["processing"]


def test_a_subscription_from_its_trial_to_its_end(shop: Shop, alice: User):
    shop.open("pain_tracker")
    shop.buy(alice, "pro", interval="month")
    created = [e for e in shop.stripe.events() if e["type"] == "customer.subscription.created"]
    born: dict[str, Any] = created[0]["data"]["object"]
    at, day = born["created"], 86_400
    assert born["status"] == "trialing"

    def told(kind: str, days: int, **fields: Any) -> dict[str, Any]:
        return event(f"customer.subscription.{kind}", {**born, **fields}, created=at + days * day)

    life = [
        told("created", 0),
        told("updated", 14, status="active"),
        told("updated", 44, status="past_due"),
        told("updated", 47, status="active", cancel_at_period_end=True),
        told("deleted", 74, status="canceled", ended_at=at + 74 * day, canceled_at=at + 47 * day),
    ]
    found = assert_one_end(life)
    (subscription,) = found["subscriptions"]
    assert subscription["status"] == "canceled"
    assert found["entitlements"] == []


def test_a_subscription_that_lives_on(shop: Shop, alice: User):
    shop.open("pain_tracker")
    shop.buy(alice, "pro", interval="month")
    created = [e for e in shop.stripe.events() if e["type"] == "customer.subscription.created"]
    born: dict[str, Any] = created[0]["data"]["object"]
    at = born["created"]
    states = ["trialing", "past_due", "unpaid", "active"]
    life = [
        event(
            f"customer.subscription.{'updated' if number else 'created'}",
            {**born, "status": status},
            created=at + number,
        )
        for number, status in enumerate(states)
    ]
    found = assert_one_end(life)
    assert [row["status"] for row in found["subscriptions"]] == ["active"]
    assert len(found["entitlements"]) == 1
