"""The inbox as staff see it, and who may have an event processed again."""

from __future__ import annotations

import pytest

from tests.product import Product
from tests.stripe_events import event
from tests.waiting import eventually

EVENTS = "/api/v1/admin/webhook-events"


def replay(product: Product, number: int, who: str | None):
    http = product.sign_in(f"{who}@example.com").http if who else product.http
    return http.post(f"{EVENTS}/{number}/replay")


def newest(product: Product) -> dict:
    product.deliver(event("radar.early_fraud_warning.created", {"id": "issfr_1"}))
    finance = product.sign_in("finance@example.com")
    return eventually(lambda: finance.get("admin/webhook-events?status=ignored")["results"])[0]


@pytest.mark.parametrize("who", ["support", "finance", "auditor", "admin"])
def test_staff_see_the_inbox(product: Product, who: str):
    seen = newest(product)
    listed = product.sign_in(f"{who}@example.com").get("admin/webhook-events")["results"]
    assert seen["event_id"] in [each["event_id"] for each in listed]


@pytest.mark.parametrize("who", ["finance", "admin"])
def test_who_answers_for_money_may_replay(product: Product, who: str):
    number = newest(product)["id"]
    again = replay(product, number, who)
    assert (again.status_code, again.json()["status"]) == (200, "received")
    query = "SELECT status FROM webhooks_webhookevent WHERE id = %s"
    eventually(lambda: product.value(query, number) == "ignored")


@pytest.mark.parametrize(
    ("who", "status"), [("support", 403), ("auditor", 403), ("alice", 403), (None, 401)]
)
def test_nobody_else_may(product: Product, who: str | None, status: int):
    number = newest(product)["id"]
    assert replay(product, number, who).status_code == status


def test_customers_do_not_see_the_inbox(product: Product):
    assert product.http.get(EVENTS).status_code == 401
    assert product.sign_in("alice@example.com").http.get(EVENTS).status_code == 403


def test_an_event_that_is_not_there_cannot_be_replayed(product: Product):
    assert replay(product, 10**17, "admin").status_code == 404


def test_replaying_a_sale_changes_nothing(product: Product):
    buyer, finance = product.person(), product.sign_in("finance@example.com")
    product.stripe.pay(buyer.checkout("pro")).raise_for_status()
    buyer.wait_until_all_is_heard()
    before = buyer.holdings(), buyer.has()
    for each in finance.get("admin/webhook-events?page_size=100")["results"]:
        assert finance.post(f"admin/webhook-events/{each['id']}/replay").status_code == 200
    buyer.wait_until_all_is_heard()
    assert (buyer.holdings(), buyer.has()) == before
