from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import Payment
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop


def pay(user: User, count: int = 1, **fields) -> None:
    now = timezone.now()
    Payment.objects.bulk_create(
        Payment(
            user=user,
            provider="stripe",
            provider_id=f"pi_{user.pk}_{number}",
            amount=100 + number,
            currency="usd",
            status="succeeded",
            created_at=now - timedelta(minutes=number),
            **fields,
        )
        for number in range(count)
    )


def test_plans_are_public_with_prices_from_the_server(shop: Shop, client):
    plans = {plan["tier"]: plan for plan in client.get("/api/v1/plans").json()}
    assert list(plans) == ["free", "starter", "trader", "pro", "elite", "lifetime"]
    assert plans["pro"]["prices"] == [{"interval": "month", "amount": 9700, "currency": "usd"}]
    assert plans["free"]["prices"] == []
    assert plans["pro"]["trial_days"] == 0


def test_plans_cost_the_same_number_of_statements_whatever_their_number(shop: Shop, client):
    with CaptureQueriesContext(
        connection,
    ) as statements:
        client.get("/api/v1/plans")
    assert len(statements) == 2


def test_items_are_public_and_say_where_the_buyer_chooses(shop: Shop, client):
    items = {item["id"]: item for item in client.get("/api/v1/items").json()}
    assert items["signal_pack"]["custom_amount"] is False
    assert items["tip"]["custom_amount"] == {"min": 100, "max": 20000}


def test_who_has_bought_nothing_has_no_subscription(shop: Shop, alice: User):
    answer = shop.client(alice).get("/api/v1/subscription").json()
    assert (answer["tier"], answer["status"]) == ("free", "none")
    assert answer["current_period_end"] is None


def test_payments_are_pages_newest_first_of_the_caller_alone(shop: Shop, alice: User, bob: User):
    pay(alice, 30)
    pay(bob, 3)
    api = shop.client(alice)
    first = api.get("/api/v1/payments?page_size=20").json()
    second = api.get(first["next"]).json()
    amounts = [row["amount"] for row in first["results"] + second["results"]]
    assert amounts == list(range(100, 130))
    assert second["next"] is None
    assert api.get(second["previous"]).json()["results"] == first["results"]


def test_a_page_of_payments_is_two_statements_at_any_size(shop: Shop, alice: User):
    pay(alice, 60)
    api = shop.client(alice)
    with CaptureQueriesContext(connection) as statements:
        api.get("/api/v1/payments?page_size=50")
    assert len(statements) == 2  # the session with its user, and the page


@pytest.mark.parametrize(
    "path", ["subscription", "payments", "entitlements", "admin/webhook-events"]
)
def test_signed_out_people_see_nothing(shop: Shop, client, path: str):
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 401
    assert answer.json()["type"] == "client_error"


def staff(shop: Shop, *permissions: str) -> User:
    user = shop.person(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def stored(status: str = "failed") -> WebhookEvent:
    return WebhookEvent.objects.create(
        provider="stripe", event_id=f"evt_{status}", type="ping", body="{}", status=status
    )


def test_staff_who_may_see_the_inbox_see_it_by_status(shop: Shop):
    stored("failed")
    stored("processed")
    api = shop.client(staff(shop, "view_webhookevent"))
    assert len(api.get("/api/v1/admin/webhook-events").json()["results"]) == 2
    failed = api.get("/api/v1/admin/webhook-events?status=failed").json()["results"]
    assert [row["event_id"] for row in failed] == ["evt_failed"]
    assert api.get("/api/v1/admin/webhook-events?status=nonsense").status_code == 400


def test_customers_and_staff_without_the_right_may_not(shop: Shop, alice: User):
    event = stored()
    for user, path in [
        (alice, "/api/v1/admin/webhook-events"),
        (staff(shop), "/api/v1/admin/webhook-events"),
    ]:
        assert shop.client(user).get(path).status_code == 403
    watcher = shop.client(staff(shop, "view_webhookevent"))
    assert watcher.post(f"/api/v1/admin/webhook-events/{event.pk}/replay").status_code == 403


def test_a_replay_puts_the_event_back(shop: Shop):
    event = stored()
    api = shop.client(staff(shop, "change_webhookevent"))
    answer = api.post(f"/api/v1/admin/webhook-events/{event.pk}/replay")
    assert (answer.status_code, answer.json()["status"]) == (200, "received")
    assert api.post("/api/v1/admin/webhook-events/999999/replay").status_code == 404
