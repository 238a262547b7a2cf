"""R05: whatever order the news of a life comes in, and however often, the rows end the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import permutations
from math import factorial
from typing import Any

import pytest
from django.db import connection, transaction

from billing.models import Entitlement, Invoice, Payment, PaymentAttempt, Subscription
from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished
from tests.billing.life import Life
from tests.stripe_events import event

News = list[dict[str, Any]]
# Six hundred events through the inbox, on a machine that may be busy.
pytestmark = pytest.mark.timeout(300)
# Ids of our own, and who told us first, which is how the news came and not what it says.
OURS = {"id", "told_by"}
LEDGER = """
SELECT coalesce('payment:' || payment.provider_id, entry.reference) AS reference,
       entry.account, entry.currency, entry.amount
FROM audit_ledger_entry AS entry
LEFT JOIN billing_payment AS payment ON entry.reference = 'payment:' || payment.id
ORDER BY 1, 2, 3, 4
"""


def rows(of: Any) -> list[dict[str, Any]]:
    found = [{name: row[name] for name in row.keys() - OURS} for row in of.values()]
    return sorted(found, key=str)


def ledger() -> tuple[int, str]:
    """How many entries, and a hash of them all. Our payments go by the provider's names."""
    with connection.cursor() as cursor:
        cursor.execute(LEDGER)
        entries = cursor.fetchall()
    return len(entries), hashlib.sha256(repr(entries).encode()).hexdigest()


def end() -> dict[str, Any]:
    attempts = PaymentAttempt.objects.order_by("provider_id").values_list(
        "provider_id", "succeeded", "code", "decline_code", "message", "method", "created_at"
    )
    held = Entitlement.objects.filter(revoked_at=None)
    return {
        "payments": rows(Payment.objects),
        "attempts": list(attempts),
        "subscriptions": rows(Subscription.objects),
        "invoices": rows(Invoice.objects),
        "entitlements": list(held.values_list("plan__tier", "expires_at")),
        "ledger": ledger(),
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


def ends_of(life: News) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """Each from the same beginning; nothing of a run stays. Every event is told twice."""
    for order in permutations(range(len(life))):
        with transaction.atomic():
            hear([life[number] for number in (*order, *reversed(order))])
            found = end()
            transaction.set_rollback(True)
        yield list(order), found


def assert_one_end(life: News) -> dict[str, Any]:
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


def test_an_invoice_that_is_written_off_and_paid_after_all(shop: Shop, invoice: dict[str, Any]):
    born, intent = invoice["created"], intent_of(shop)
    refused = declined(intent, 1, "insufficient_funds", "Your card has insufficient funds.")
    # An older Stripe's, which names its payment: nothing has to be asked, the events alone tell.
    invoice = {**invoice, "payment_intent": intent["id"]}
    unpaid = {**invoice, "amount_paid": 0, "amount_remaining": invoice["amount_due"]}
    unpaid["status_transitions"] = {**invoice["status_transitions"], "paid_at": None}

    def told(kind: str, after: int, **fields: Any) -> dict[str, Any]:
        return event(f"invoice.{kind}", {**unpaid, **fields}, created=born + after)

    life = [
        told("finalized", 0, status="open", attempt_count=0, next_payment_attempt=born),
        told("payment_failed", 9, status="open", attempt_count=1, next_payment_attempt=born + 90),
        event("payment_intent.payment_failed", refused, created=born + 10),
        told("marked_uncollectible", 300, status="uncollectible", attempt_count=2),
        event("invoice.paid", invoice | {"attempt_count": 3}, created=born + 400),
    ]
    found = assert_one_end(life)
    (row,) = found["invoices"]
    assert (row["status"], row["amount_remaining"], row["attempt_count"]) == ("paid", 0, 3)
    assert found["ledger"][0] == 2


def test_an_invoice_that_nobody_pays(shop: Shop, alice: User):
    """As the sandbox tells of it: a renewal that fails twice, and the end of it all."""
    life = Life(shop, alice)
    life.use_card("4000000000000341")
    life.pass_time(31.1)
    life.pass_time(3.1)
    owed = life.invoices()[0]
    life.shop.stripe.stripe.post(f"/v1/invoices/{owed['id']}/void").raise_for_status()
    news = [e for e in shop.stripe.events() if e["id"] not in life.heard]
    ours = [e for e in news if e["type"].startswith("invoice.") and e["type"] != "invoice.created"]
    told = [each for each in ours if each["data"]["object"]["id"] == owed["id"]]
    assert [each["type"].partition(".")[2] for each in told] == [
        "finalized",
        "payment_failed",
        "payment_failed",
        "voided",
    ]
    found = assert_one_end(told)
    assert sorted(row["status"] for row in found["invoices"]) == ["paid", "void"]


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
