"""Stripe's shapes, older and newer: what moved is read at both places, what is neither is never
guessed at (docs.stripe.com/changelog)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billing.providers.base import UnknownShape
from billing.providers.stripe.translation import facts_of
from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent
from config.kit.money import Money
from tests.billing.conftest import Shop
from tests.stripe_events import deliver, event

RECORDED = Path(__file__).parents[4] / "shared" / "fixtures" / "stripe" / "recorded_exchanges.json"
recorded = pytest.mark.skipif(not RECORDED.exists(), reason="no recordings on this machine")


def price(**fields: Any) -> dict[str, Any]:
    recurring = {"interval": "month", "interval_count": 1}
    known = {"id": "price_1", "lookup_key": None, "unit_amount": 1900, "currency": "usd"}
    return {**known, "recurring": recurring, **fields}


def subscription(*, period_at: str, **fields: Any) -> dict[str, Any]:
    period = {"current_period_start": 100, "current_period_end": 200}
    item: dict[str, Any] = {"id": "si_1", "price": price(), "quantity": 2}
    top: dict[str, Any] = {}
    (top if period_at == "subscription" else item).update(period)
    return {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "created": 90,
        "status": "active",
        "items": {"object": "list", "data": [item]},
        "trial_end": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "ended_at": None,
        **top,
        **fields,
    }


def invoice(**fields: Any) -> dict[str, Any]:
    return {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "created": 90,
        "currency": "usd",
        "amount_paid": 1900,
        "amount_due": 1900,
        "amount_remaining": 0,
        "subtotal": 1900,
        "total": 1900,
        "number": "A-1",
        "status": "paid",
        "attempt_count": 1,
        "period_start": 80,
        "period_end": 90,
        "status_transitions": dict.fromkeys(("finalized_at", "paid_at", "voided_at")),
        "lines": {"object": "list", "data": [], "has_more": False},
        **fields,
    }


def checkout(**fields: Any) -> dict[str, Any]:
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "status": "complete",
        "payment_status": "paid",
        "customer": "cus_1",
        "subscription": None,
        "payment_intent": "pi_1",
        "amount_total": 1900,
        "currency": "usd",
        "metadata": {},
        **fields,
    }


def told(kind: str, thing: dict[str, Any]) -> Any:
    """The last is the payment's, where an invoice tells of itself too."""
    return facts_of(event(kind, thing, created=100))[-1]


@pytest.mark.parametrize("period_at", ["subscription", "item"])
@pytest.mark.parametrize("customer", ["cus_1", {"id": "cus_1", "object": "customer"}])
def test_a_subscriptions_period_is_read_where_it_stands(period_at: str, customer: Any):
    fact = told(
        "customer.subscription.updated", subscription(period_at=period_at, customer=customer)
    )
    assert (fact.current_period_start.timestamp(), fact.current_period_end.timestamp()) == (
        100,
        200,
    )
    assert (fact.money, fact.customer_id) == (Money(3800, "usd"), "cus_1")


TRIAL = {"expires_at": 300, "subscription_items": None, "trial_end": 400}
METADATA = {"order_id": "order_1"}
OLD = {"subscription": "sub_1", "payment_intent": "pi_1", "charge": "ch_1"}
OLD_DETAILS = {"subscription_details": {"metadata": METADATA}}
NEW = {
    "parent": {
        "type": "subscription_details",
        "subscription_details": {"subscription": "sub_1", "metadata": METADATA},
    }
}
PAID_BY = {
    "payments": {
        "object": "list",
        "data": [{"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}],
    }
}


@pytest.mark.parametrize(
    ("shape", "subscription_id", "payment_id", "order_id"),
    [
        pytest.param(OLD, "sub_1", "pi_1", "", id="2020"),
        pytest.param({**OLD, **OLD_DETAILS}, "sub_1", "pi_1", "order_1", id="2023"),
        pytest.param(
            {
                **OLD,
                **OLD_DETAILS,
                "subscription": {"id": "sub_1"},
                "payment_intent": {"id": "pi_1"},
            },
            "sub_1",
            "pi_1",
            "order_1",
            id="expanded",
        ),
        pytest.param({**OLD, "subscription": None}, "", "pi_1", "", id="2020 without plan"),
        pytest.param({**NEW, **PAID_BY}, "sub_1", "pi_1", "order_1", id="basil"),
        pytest.param(NEW, "sub_1", "", "order_1", id="basil without its payments"),
        pytest.param({"parent": None}, "", "", "", id="basil without plan"),
    ],
)
@pytest.mark.parametrize("kind", ["invoice.paid", "invoice.payment_failed"])
def test_an_invoice_names_its_subscription_and_payment_in_every_version(
    kind: str, shape: dict[str, Any], subscription_id: str, payment_id: str, order_id: str
):
    fact = told(kind, invoice(**shape))
    found = (fact.subscription_id, fact.payment_id, fact.order_id)
    assert found == (subscription_id, payment_id, order_id)
    assert (fact.invoice_id, fact.money) == ("in_1", Money(1900, "usd"))


@pytest.mark.parametrize("shape", [{"invoice": "in_1"}, {"invoice": None}, {}])
@pytest.mark.parametrize("charge", ["ch_1", {"id": "ch_1", "object": "charge"}])
def test_a_payment_intent_may_name_its_invoice_or_not(shape: dict[str, Any], charge: Any):
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 1900,
        "amount_received": 1900,
        "currency": "usd",
        "customer": "cus_1",
        "created": 90,
        "latest_charge": charge,
        **shape,
    }
    fact = told("payment_intent.succeeded", intent)
    assert fact.invoice_id == (shape.get("invoice") or "")
    assert fact.attempt.charge_id == "ch_1"


UNKNOWN = {
    "an invoice without a word of its subscription": ("invoice.paid", invoice()),
    "a subscription without a period": (
        "customer.subscription.updated",
        subscription(period_at="item", items={"data": [{"id": "si_1", "price": price()}]}),
    ),
    "a subscription without items": (
        "customer.subscription.updated",
        subscription(period_at="subscription", items={"data": []}),
    ),
    "an amount that is a decimal number": (
        "invoice.paid",
        invoice(**NEW, amount_paid=19.0),
    ),
    "an object that is a list": ("payment_intent.succeeded", []),
    "a subscription in a state that nobody knows": (
        "customer.subscription.updated",
        subscription(period_at="item", status="on_hold"),
    ),
    "an invoice in a state that nobody knows": ("invoice.finalized", invoice(**NEW, status="sent")),
    "a checkout that is paid in a way that nobody knows": (
        "checkout.session.completed",
        checkout(payment_status="partly_paid"),
    ),
    "a change that waits without an end": (
        "customer.subscription.updated",
        subscription(
            period_at="item",
            latest_invoice="in_1",
            pending_update={"subscription_items": [{"id": "si_1", "price": "price_2"}]},
        ),
    ),
    "a moment beyond all time": ("invoice.paid", invoice(**NEW, created=10**30)),
}


@pytest.mark.parametrize("price_2", ["price_2", {"id": "price_2", "object": "price"}])
def test_a_change_that_waits_names_its_price_and_its_invoice(price_2: Any):
    waits = {"expires_at": 300, "subscription_items": [{"id": "si_1", "price": price_2}]}
    thing = subscription(period_at="item", latest_invoice="in_1", pending_update=waits)
    for kind in ("updated", "pending_update_applied", "pending_update_expired"):
        awaited = told(f"customer.subscription.{kind}", thing).awaited
        assert (awaited.price_id, awaited.invoice_id) == ("price_2", "in_1")
        assert awaited.until.timestamp() == 300


@pytest.mark.parametrize("pending", [{}, {"pending_update": None}, {"pending_update": TRIAL}])
def test_what_waits_may_be_none_of_ours(pending: dict[str, Any]):
    thing = subscription(period_at="item", latest_invoice="in_1", **pending)
    assert told("customer.subscription.updated", thing).awaited is None


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_shape_is_never_guessed_at(name: str):
    kind, thing = UNKNOWN[name]
    with pytest.raises(UnknownShape, match=kind):
        facts_of(event(kind, thing))  # type: ignore[arg-type]


def test_an_unknown_shape_ends_among_the_dead_letters_with_an_alarm(
    shop: Shop, caplog: pytest.LogCaptureFixture
):
    deliver(event("invoice.paid", invoice()))
    for _ in range(inbox.ATTEMPTS):
        WebhookEvent.objects.update(next_attempt_at="2000-01-01T00:00:00Z")
        inbox.drain()
    stored = WebhookEvent.objects.get()
    assert (stored.status, stored.attempts) == ("failed", inbox.ATTEMPTS)
    assert "UnknownShape: invoice.paid" in stored.error
    assert [each.message for each in caplog.records if each.name == "alarm"] == [
        "webhook event given up"
    ]


KINDS = {
    "invoice": ("invoice.paid", "invoice.payment_failed"),
    "subscription": ("customer.subscription.updated", "customer.subscription.deleted"),
    "payment_intent": ("payment_intent.succeeded", "payment_intent.payment_failed"),
    "checkout.session": ("checkout.session.completed",),
}


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("object") in KINDS and "id" in value:
            yield value
        for inner in value.values():
            yield from objects_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects_in(inner)


def recordings() -> dict[str, list[dict[str, Any]]]:
    """By the version of the API that spoke."""
    found: dict[str, list[dict[str, Any]]] = {}
    # Some ids are masked in part.
    unmasked = RECORDED.read_text().replace("<VENDOR_ID>", "1").replace("<VENDOR_AUTH_CODE>", "x")
    for test, _, _, _, status, text in json.loads(unmasked):
        if status == 200 and text.startswith("{"):
            version = test.partition("@")[2]
            found.setdefault(version, []).extend(objects_in(json.loads(text)))
    return found


@recorded
def test_what_stripe_really_sent_is_read_in_every_version_since_2020():
    read: dict[str, int] = {}
    for version, things in recordings().items():
        for thing in things:
            for kind in KINDS[thing["object"]]:
                facts_of(event(kind, thing))
                read[version] = read.get(version, 0) + 1
    assert {"2020-08-27", "2024-12-18.acacia", "2025-10-29.clover", "2026-03-25.dahlia"} <= set(
        read
    )
    assert sum(read.values()) > 200
