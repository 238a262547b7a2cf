from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import Customer, Payment
from billing.providers.stripe.hurry import breaker
from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.stripe_events import deliver, event, payment_intent


@pytest.fixture
def customer(shop: Shop, alice: User) -> str:
    Customer.objects.create(user=alice, provider="stripe", provider_id="cus_alice")
    return "cus_alice"


def paid(customer: str, **fields: Any) -> dict[str, Any]:
    return event("payment_intent.succeeded", payment_intent(customer=customer, **fields))


def due_now() -> None:
    WebhookEvent.objects.update(next_attempt_at=timezone.now())


def test_an_event_takes_effect_once_however_often_it_is_sent(customer: str):
    happened = paid(customer)
    for _ in range(3):
        deliver(happened)
        inbox.drain()
    assert Payment.objects.get().status == "succeeded"
    assert WebhookEvent.objects.get().attempts == 1


def test_four_workers_at_once_take_each_event_once(customer: str):
    for _ in range(60):
        deliver(paid(customer))

    def work(_: int) -> int:
        try:
            return inbox.drain()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        taken = sum(pool.map(work, range(4)))
    taken += inbox.drain()
    assert taken == 60
    assert Payment.objects.count() == 60
    assert set(WebhookEvent.objects.values_list("status", "attempts")) == {("processed", 1)}


def test_two_events_of_one_payment_make_one_payment(customer: str):
    intent = payment_intent(customer=customer)
    for kind in ("payment_intent.processing", "payment_intent.succeeded"):
        deliver(event(kind, {**intent, "status": kind.rsplit(".", 1)[1]}))
    inbox.drain()
    assert Payment.objects.get().status == "succeeded"


@pytest.mark.parametrize("late", ["payment_failed", "processing", "canceled"])
def test_late_news_does_not_take_a_payment_back(customer: str, late: str):
    intent = payment_intent(customer=customer)
    deliver(event("payment_intent.succeeded", intent))
    inbox.drain()
    deliver(event(f"payment_intent.{late}", {**intent, "status": "requires_payment_method"}))
    inbox.drain()
    assert Payment.objects.get().status == "succeeded"


def test_what_we_did_not_sell_is_kept_and_left_alone(shop: Shop):
    deliver(paid("cus_of_another_product"))
    deliver(event("radar.something_new", {"id": "x", "object": "y"}))
    inbox.drain()
    assert list(WebhookEvent.objects.values_list("status", flat=True)) == ["ignored", "ignored"]
    assert not Payment.objects.exists()


def test_a_shape_that_cannot_be_read_is_a_dead_letter_after_five_attempts(customer: str, caplog):
    deliver(event("payment_intent.succeeded", {"id": "pi_1", "customer": customer}))
    for _ in range(8):
        due_now()
        inbox.drain()
    poison = WebhookEvent.objects.get()
    assert (poison.status, poison.attempts) == ("failed", inbox.ATTEMPTS)
    assert "UnknownShape" in poison.error
    assert [record.name for record in caplog.records].count("alarm") == 1


def test_a_poison_event_does_not_keep_others_back(customer: str):
    deliver(event("payment_intent.succeeded", {"id": "pi_1", "customer": customer}))
    deliver(paid(customer))
    inbox.drain()
    assert Payment.objects.get().status == "succeeded"
    assert WebhookEvent.objects.filter(status="received", attempts=1).count() == 1


def test_a_failed_event_waits_longer_each_time(customer: str):
    deliver(event("payment_intent.succeeded", {"id": "pi_1", "customer": customer}))
    waits = []
    for _ in range(inbox.ATTEMPTS - 1):
        due_now()
        inbox.drain()
        waits.append(WebhookEvent.objects.get().next_attempt_at - timezone.now())
    assert waits == sorted(waits)
    assert timedelta(seconds=20) < waits[-1] < timedelta(seconds=40)


def test_half_an_effect_is_no_effect(customer: str, monkeypatch):
    def breaks(*_: object) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr("billing.notices.payment_changed", breaks)
    deliver(paid(customer))
    inbox.drain()
    assert not Payment.objects.exists()
    monkeypatch.undo()
    due_now()
    inbox.drain()
    assert Payment.objects.get().status == "succeeded"


def test_a_replayed_event_does_nothing_twice(customer: str):
    deliver(paid(customer))
    inbox.drain()
    inbox.replay(WebhookEvent.objects.get())
    inbox.drain()
    assert Payment.objects.count() == 1
    assert WebhookEvent.objects.get().status == "processed"


def test_a_dead_letter_is_processed_after_a_replay(customer: str, monkeypatch):
    deliver(paid(customer))
    monkeypatch.setattr("billing.payments.record_payment", None)
    for _ in range(inbox.ATTEMPTS):
        due_now()
        inbox.drain()
    event_row = WebhookEvent.objects.get()
    assert event_row.status == "failed"
    monkeypatch.undo()
    inbox.replay(event_row)
    inbox.drain()
    assert Payment.objects.count() == 1


def hear_of_an_unknown_subscription_while_stripe_is_down(shop: Shop) -> None:
    completed = [e for e in shop.stripe.events() if e["type"] == "checkout.session.completed"]
    shop.stripe.control("faults", match="GET /v1/subs", mode="status", times=99, status=500)
    shop.hear(*completed)


def test_while_stripe_is_down_an_event_waits_and_is_not_given_up(shop: Shop, alice: User):
    shop.buy(alice)
    completed = [e for e in shop.stripe.events() if e["type"] == "checkout.session.completed"]
    shop.stripe.control(
        "faults", match="GET /v1/subscriptions", mode="status", times=99, status=500
    )
    shop.hear(*completed)
    for _ in range(2 * inbox.ATTEMPTS):
        due_now()
        inbox.drain()
    waiting = WebhookEvent.objects.get()
    assert (waiting.status, waiting.attempts > inbox.ATTEMPTS) == ("received", True)
    shop.stripe.http.delete("/_sandbox/faults")
    # The pause in which Stripe is left alone is over.
    breaker.close()
    due_now()
    inbox.drain()
    assert shop.holdings(alice)["entitlements"] == ["pro"]


def test_after_a_day_of_an_outage_an_event_is_given_up_with_an_alarm(
    shop: Shop, alice: User, caplog
):
    shop.buy(alice)
    completed = [e for e in shop.stripe.events() if e["type"] == "checkout.session.completed"]
    shop.stripe.control(
        "faults", match="GET /v1/subscriptions", mode="status", times=99, status=500
    )
    shop.hear(*completed)
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(hours=25))
    due_now()
    inbox.drain()
    assert WebhookEvent.objects.get().status == "failed"
    assert "alarm" in [record.name for record in caplog.records]


def test_a_customer_who_is_being_served_elsewhere_is_left_for_later(customer: str):
    deliver(paid(customer))
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        from django.db import transaction

        with transaction.atomic():
            inbox.hold_subject("stripe", customer)
            held.set()
            go.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    assert inbox.drain() == 0
    go.set()
    thread.join()
    assert inbox.drain() == 1
