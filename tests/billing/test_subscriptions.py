from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from billing import sweeping
from billing.models import Entitlement, Subscription
from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished
from tests.stripe_events import event


@pytest.fixture
def running(shop: Shop, alice: User) -> dict[str, Any]:
    """Stripe's subscription object of a paid plan."""
    shop.buy(alice)
    shop.hear()
    return shop.stripe.get(f"subscriptions/{Subscription.objects.get().provider_id}")


def told(thing: dict[str, Any], kind: str = "updated", *, later: int, **fields: Any) -> dict:
    created = int(Subscription.objects.get().fact_at.timestamp()) + later
    return event(f"customer.subscription.{kind}", {**thing, **fields}, created=created)


def test_past_due_keeps_access_until_the_grace_ends(shop: Shop, alice: User, running):
    shop.hear(told(running, later=60, status="past_due"))
    subscription = Subscription.objects.get()
    assert subscription.grace_until is not None
    assert shop.client(alice).get("/api/v1/entitlements").json()["access"] is True
    Subscription.objects.update(grace_until=timezone.now())
    Entitlement.objects.update(expires_at=timezone.now())
    assert shop.client(alice).get("/api/v1/entitlements").json()["access"] is False
    assert sweeping.sweep()["grace_ended"] == 1
    assert Entitlement.objects.get().revoke_reason == "grace_ended"


def test_paying_again_ends_the_grace_period(shop: Shop, alice: User, running):
    shop.hear(told(running, later=60, status="past_due"))
    shop.hear(told(running, later=60, status="active"))
    assert Subscription.objects.get().grace_until is None
    assert Entitlement.objects.get().expires_at is None


@pytest.mark.parametrize("status", ["canceled", "unpaid", "incomplete_expired", "paused"])
def test_a_subscription_that_ended_gives_nothing(shop: Shop, alice: User, running, status: str):
    kind = "deleted" if status == "canceled" else "updated"
    shop.hear(told(running, kind, later=60, status=status))
    answer = shop.client(alice).get("/api/v1/entitlements").json()
    assert (answer["access"], answer["tier"]) == (False, "free")


def test_older_news_is_not_applied(shop: Shop, alice: User, running):
    newer = told(running, later=120, status="past_due")
    older = told(running, later=60, status="active")
    shop.hear(newer, older)
    assert Subscription.objects.get().status == "past_due"


def test_a_canceled_subscription_never_comes_back(shop: Shop, alice: User, running):
    ended = told(running, "deleted", later=60, status="canceled")
    late = told(running, later=120, status="active")
    shop.hear(ended, late)
    assert Subscription.objects.get().status == "canceled"


def test_two_changes_in_one_second_are_settled_by_asking_stripe(shop: Shop, alice: User, running):
    """Neither event can tell which came last; Stripe can."""
    first = told(running, later=60, cancel_at_period_end=False, status="past_due")
    second = told(running, later=60, cancel_at_period_end=True, status="unpaid")
    shop.hear(first, second)
    assert Subscription.objects.get().status == "active", unfinished()
    assert set(WebhookEvent.objects.values_list("status", flat=True)) <= {"processed", "ignored"}


def test_every_order_of_a_life_ends_the_same(shop: Shop, alice: User, running):
    life = [
        told(running, "created", later=1, status="incomplete"),
        told(running, later=60, status="active"),
        told(running, later=120, status="past_due"),
        told(running, later=180, status="active", cancel_at_period_end=True),
        told(running, "deleted", later=240, status="canceled", ended_at=1_800_000_000),
    ]
    before = Subscription.objects.values().get()
    ends = set()
    for order in permutations(life):
        Subscription.objects.all().update(**before)
        for each in order:
            each["id"] = f"evt_{WebhookEvent.objects.count()}"
            WebhookEvent.objects.bulk_create(
                [
                    WebhookEvent(
                        provider="stripe",
                        event_id=each["id"],
                        type=each["type"],
                        body=json.dumps(each),
                    )
                ]
            )
        inbox.drain()
        after = Subscription.objects.values().get()
        assert not unfinished()
        ends.add(str(sorted(after.items())))
    assert len(ends) == 1
    assert Subscription.objects.get().status == "canceled"


def test_a_price_that_we_do_not_know_is_not_guessed(shop: Shop, alice: User, running):
    item = running["items"]["data"][0]
    stranger = {**item, "price": {**item["price"], "id": "price_x", "lookup_key": None}}
    shop.hear(told({**running, "items": {"data": [stranger]}}, later=60))
    assert "UnknownPrice" in WebhookEvent.objects.get(status="received").error
    assert Subscription.objects.get().plan.tier == "pro"


def test_the_shape_before_basil_is_read_too(shop: Shop, alice: User, running):
    item = dict(running["items"]["data"][0])
    period = {name: item.pop(name) for name in ("current_period_start", "current_period_end")}
    shop.hear(told({**running, **period, "items": {"data": [item]}}, later=60, status="past_due"))
    subscription = Subscription.objects.get()
    assert subscription.status == "past_due"
    assert subscription.current_period_end is not None
