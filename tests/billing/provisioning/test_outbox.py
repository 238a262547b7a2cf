from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest
from django.utils import timezone
from standardwebhooks import Webhook

from billing import entitlements
from billing.models import Plan, Subscription
from billing.overrides import add_override, end_override
from billing.provisioning import outbox, sending
from billing.provisioning.models import DeliveryAttempt, Message
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.provisioning.conftest import SECRET, make_due
from tests.billing.provisioning.receiver import Receiver


def test_a_bought_plan_is_told_with_all_that_a_machine_needs_and_no_more(
    receiver: Receiver, customer: User
):
    assert outbox.deliver_due() == 1
    headers, body = receiver.seen[0]
    told = Webhook(SECRET).verify(body, headers)
    assert told["type"] == "access.granted"
    assert set(told) == {"type", "timestamp", "data"}
    plan = Plan.objects.get(tier="pro")
    assert told["data"] == {
        "user_id": customer.pk,
        "access": True,
        "tier": "pro",
        "features": plan.features,
        "quotas": plan.quotas,
        "access_until": None,
        "reason": "granted",
    }
    assert customer.email not in body
    assert Message.objects.get().status == "delivered"
    assert outbox.deliver_due() == 0


def test_the_end_of_the_last_right_is_told_in_order(receiver: Receiver, shop: Shop, customer: User):
    subscription = Subscription.objects.get()
    shop.stripe.stripe.delete(f"/v1/subscriptions/{subscription.provider_id}").raise_for_status()
    shop.hear()
    assert outbox.deliver_due() == 1
    assert outbox.deliver_due() == 1
    assert [body["type"] for body in receiver.bodies] == ["access.granted", "access.revoked"]
    assert receiver.bodies[1]["data"]["access"] is False
    assert receiver.bodies[1]["data"]["reason"] == "canceled"


@pytest.mark.django_db(transaction=True)
def test_whoever_loses_one_of_two_rights_keeps_their_machine(receiver: Receiver, shop: Shop):
    alice, plans = shop.person(), list(Plan.objects.filter(prices__isnull=False).distinct())
    with_two(alice, plans[0])
    entitlements.revoke(source=source(1), reason="canceled")
    entitlements.revoke(source=source(2), reason="refunded")
    while outbox.deliver_due():
        pass
    told = [(each["type"], each["data"]["access"]) for each in receiver.bodies]
    assert told == [
        ("access.granted", True),
        ("access.changed", True),
        ("access.changed", True),
        ("access.revoked", False),
    ]


def source(number: int) -> str:
    return f"order:00000000-0000-7000-8000-00000000000{number}"


def with_two(user: User, plan: Plan) -> None:
    entitlements.grant(user=user, plan=plan, source=source(1))
    entitlements.grant(user=user, plan=plan, source=source(2))


def test_another_plan_is_one_change_and_no_end(receiver: Receiver, shop: Shop):
    alice, (first, second) = shop.person(), Plan.objects.order_by("rank")[:2]
    entitlements.grant(user=alice, plan=first, source=source(1))
    entitlements.grant(user=alice, plan=second, source=source(1))
    entitlements.grant(user=alice, plan=second, source=source(1))
    told = list(Message.objects.order_by("id").values_list("type", flat=True))
    assert told == ["access.granted", "access.changed"]


def test_an_exception_of_staff_is_a_change_where_there_is_access(
    receiver: Receiver, shop: Shop, customer: User
):
    carol = shop.person("carol@example.com", is_staff=True)
    feature = Plan.objects.get(tier="pro").features[0]
    for user in (customer, carol):
        made = add_override(
            user, kind="feature", name=feature, allowed=False, reason="abuse", by=carol
        )
        end_override(made, reason="over", by=carol)
    told = list(Message.objects.order_by("id").values_list("type", "user"))
    assert told[1:] == [("access.changed", customer.pk)] * 2


def test_without_a_url_nothing_is_written(shop: Shop):
    alice = shop.person()
    shop.buy(alice)
    shop.hear()
    assert not Message.objects.exists()


@pytest.mark.parametrize("answer", [500, 503, 429, 410, 400, "hang up", "http://127.0.0.1/away"])
def test_whatever_is_no_2xx_is_tried_again_with_the_same_id(
    receiver: Receiver, customer: User, answer: object
):
    receiver.answers = [answer]
    outbox.deliver_due()
    message = Message.objects.get()
    assert (message.status, message.tries) == ("pending", 1)
    assert 3 < (message.next_attempt_at - timezone.now()).total_seconds() < 7
    assert outbox.deliver_due() == 0
    make_due()
    outbox.deliver_due()
    ids = [headers["webhook-id"] for headers, _ in receiver.seen]
    assert ids == [message.message_id] * 2
    first, second = DeliveryAttempt.objects.all()
    assert first.error
    assert len(first.excerpt) <= 500
    assert (second.status_code, second.error) == (204, "")


def test_a_receiver_that_drips_does_not_hold_a_worker(
    receiver: Receiver, customer: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 0.5)
    receiver.answers = ["drip"]
    outbox.deliver_due()
    attempt = DeliveryAttempt.objects.get()
    assert attempt.latency_ms < 5000
    assert len(attempt.excerpt) < 100


def test_after_a_day_it_is_given_up_with_an_alarm_and_the_next_one_goes(
    receiver: Receiver, customer: User, caplog: pytest.LogCaptureFixture
):
    with_two(customer, Plan.objects.get(tier="pro"))
    first = Message.objects.earliest("id")
    receiver.answers = [500]
    Message.objects.filter(pk=first.pk).update(give_up_at=timezone.now())
    with caplog.at_level(logging.ERROR, "alarm"):
        outbox.deliver_due()
    first.refresh_from_db()
    assert first.status == "dead"
    assert "access message given up" in caplog.text
    assert outbox.deliver_due() == 1
    assert receiver.seen[-1][0]["webhook-id"] != first.message_id


def test_the_last_try_is_at_the_end_of_the_day(receiver: Receiver, customer: User):
    receiver.answers = [500]
    end = timezone.now() + timedelta(seconds=2)
    make_due(give_up_at=end, tries=9)
    outbox.deliver_due()
    assert Message.objects.get().next_attempt_at == end


def test_a_worker_killed_while_sending_delays_the_message_and_loses_nothing(
    receiver: Receiver, customer: User
):
    (claimed,) = outbox.claim()
    outbox.attempt(claimed)  # sent, and then the worker is gone
    assert outbox.deliver_due() == 0
    Message.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert outbox.deliver_due() == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.seen}) == 1
    assert Message.objects.get().status == "delivered"


def test_who_comes_back_late_does_not_undo_what_another_did(receiver: Receiver, customer: User):
    (late,) = outbox.claim()
    Message.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    outbox.deliver_due()
    outbox.note(late, sending.Outcome(error="No answer: late."))
    assert Message.objects.get().status == "delivered"
    assert DeliveryAttempt.objects.count() == 2


def test_many_workers_send_each_message_once_and_in_order(receiver: Receiver, shop: Shop):
    plan = Plan.objects.get(tier="pro")
    people = [shop.person() for _ in range(5)]
    for number, person in enumerate(people):
        for part in "ab":
            key = f"order:00000000-0000-7000-8000-0000000000{number}{part}"
            entitlements.grant(user=person, plan=plan, source=key)
    workers = [threading.Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    while outbox.deliver_due():
        pass
    assert len(receiver.seen) == 10
    for person in people:
        kinds = [b["type"] for b in receiver.bodies if b["data"]["user_id"] == person.pk]
        assert kinds == ["access.granted", "access.changed"]


def work() -> None:
    from django.db import connection

    while outbox.deliver_due():
        pass
    connection.close()


def test_while_secrets_rotate_either_one_verifies(
    receiver: Receiver, customer: User, settings: object
):
    new = "whsec_" + "bmV3" * 8
    settings.PROVISIONING_WEBHOOK_SECRETS = [new, SECRET]  # type: ignore[attr-defined]
    outbox.deliver_due()
    headers, body = receiver.seen[0]
    for secret in (new, SECRET):
        Webhook(secret).verify(body, headers)


def test_the_sweep_counts_what_is_late_and_what_was_given_up(receiver: Receiver, customer: User):
    assert outbox.state() == {"access_messages_waiting": 1, "access_messages_given_up": 0}
    Message.objects.update(status="dead")
    assert outbox.state() == {"access_messages_waiting": 0, "access_messages_given_up": 1}
