from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from billing.models import Conversation, Order
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished


@pytest.fixture
def shop(shop: Shop) -> Shop:
    return shop.open("conversations")


@pytest.fixture
def api(shop: Shop, alice: User) -> APIClient:
    return shop.client(alice)


def begin(api: APIClient, title: str = "On tides") -> dict[str, Any]:
    answer = api.post("/api/v1/conversations", {"title": title})
    assert answer.status_code == 201, answer.json()
    begun: dict[str, Any] = answer.json()
    return begun


def link(api: APIClient, conversation: dict[str, Any], **more: Any) -> Any:
    wish = {"conversation_id": conversation["id"], "tier": "conversation"}
    return api.post("/api/v1/payment-links", wish, **more)


def status_of(api: APIClient, conversation: dict[str, Any]) -> str:
    return str(api.get(f"/api/v1/conversations/{conversation['id']}").json()["payment_status"])


def pay(shop: Shop, session_id: str) -> None:
    shop.stripe.pay(session_id).raise_for_status()
    shop.hear()


def expire(shop: Shop, session_id: str) -> None:
    shop.stripe.stripe.post(f"/v1/checkout/sessions/{session_id}/expire").raise_for_status()
    shop.hear()


def test_a_conversation_is_paid_through_its_link(shop: Shop, api: APIClient):
    begun = begin(api)
    assert (begun["payment_status"], begun["stripe_session_id"]) == ("unpaid", None)
    made = link(api, begun)
    assert made.status_code == 201, made.json()
    assert set(made.json()) == {"url", "session_id"}
    assert status_of(api, begun) == "pending"
    pay(shop, made.json()["session_id"])
    assert status_of(api, begun) == "paid", unfinished()
    seen = api.get("/api/v1/conversations").json()["results"]
    assert [each["stripe_session_id"] for each in seen] == [made.json()["session_id"]]


def test_orders_are_a_plain_list_of_what_was_asked_for(shop: Shop, api: APIClient):
    begun = begin(api)
    session_id = link(api, begun).json()["session_id"]
    (order,) = api.get("/api/v1/orders").json()
    assert order == {
        "id": str(Order.objects.get().pk),
        "conversation_id": begun["id"],
        "stripe_session_id": session_id,
        "amount": 2900,
        "currency": "usd",
        "status": "pending",
    }
    pay(shop, session_id)
    assert api.get("/api/v1/orders").json()[0]["status"] == "completed"


def test_more_orders_are_behind_a_link_in_the_header(shop: Shop, api: APIClient):
    begun = begin(api)
    sessions = [link(api, begun).json()["session_id"] for _ in range(3)]
    first = api.get("/api/v1/orders?page_size=2")
    assert [each["stripe_session_id"] for each in first.json()] == sessions[:0:-1]
    rest = api.get(first["Link"].partition(">")[0].removeprefix("<"))
    assert [each["stripe_session_id"] for each in rest.json()] == sessions[:1]
    assert 'rel="prev"' in rest["Link"]


def test_every_link_is_a_fresh_page_and_closes_the_older_one(shop: Shop, api: APIClient):
    begun = begin(api)
    first, second = (link(api, begun).json()["session_id"] for _ in range(2))
    assert first != second
    assert shop.stripe.pay(first).status_code == 400
    assert status_of(api, begun) == "pending"
    orders = api.get("/api/v1/orders").json()
    statuses = {each["stripe_session_id"]: each["status"] for each in orders}
    assert statuses == {first: "failed", second: "pending"}


def test_what_expired_has_failed_and_can_be_tried_again(shop: Shop, api: APIClient):
    begun = begin(api)
    expire(shop, link(api, begun).json()["session_id"])
    assert status_of(api, begun) == "failed", unfinished()
    again = link(api, begun)
    assert again.status_code == 201
    assert status_of(api, begun) == "pending"
    pay(shop, again.json()["session_id"])
    assert status_of(api, begun) == "paid", unfinished()


def test_an_old_page_that_expires_fails_nothing_while_a_newer_one_is_open(
    shop: Shop, api: APIClient
):
    begun = begin(api)
    shop.stripe.control(
        "faults", match="POST /v1/checkout/sessions/.*/expire", mode="status", times=9, status=500
    )
    old = link(api, begun).json()["session_id"]
    new = link(api, begun).json()["session_id"]
    shop.stripe.http.delete("/_sandbox/faults")
    expire(shop, old)
    assert status_of(api, begun) == "pending"
    pay(shop, new)
    assert status_of(api, begun) == "paid", unfinished()


def test_a_page_that_is_paid_after_it_was_given_up_counts(shop: Shop, api: APIClient):
    begun = begin(api)
    session_id = link(api, begun).json()["session_id"]
    Order.objects.update(status="expired")
    Conversation.objects.update(status="failed")
    pay(shop, session_id)
    assert status_of(api, begun) == "paid", unfinished()


def test_a_paid_conversation_is_not_paid_again(shop: Shop, api: APIClient):
    begun = begin(api)
    pay(shop, link(api, begun).json()["session_id"])
    refused = link(api, begun)
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["code"] == "already_paid"
    assert Order.objects.count() == 1


def test_the_next_conversation_can_be_paid_too(shop: Shop, api: APIClient):
    first, second = begin(api), begin(api, "On moons")
    pay(shop, link(api, first).json()["session_id"])
    made = link(api, second)
    assert made.status_code == 201, made.json()
    pay(shop, made.json()["session_id"])
    assert [status_of(api, each) for each in (first, second)] == ["paid", "paid"], unfinished()


def test_a_checkout_session_may_be_for_a_conversation(shop: Shop, api: APIClient):
    begun = begin(api)
    wish = {"tier": "conversation", "conversation_id": begun["id"]}
    made = api.post("/api/v1/checkout-sessions", wish)
    assert made.status_code == 201, made.json()
    pay(shop, made.json()["session_id"])
    assert status_of(api, begun) == "paid", unfinished()


@pytest.mark.parametrize("number", [0, -1, 999_999, 10**30])
@pytest.mark.parametrize("door", ["payment-links", "checkout-sessions"])
def test_an_unknown_conversation_is_not_found(shop: Shop, api: APIClient, door: str, number: int):
    wish = {"tier": "conversation", "conversation_id": number}
    assert api.post(f"/api/v1/{door}", wish).status_code == 404
    assert not Order.objects.exists()


def test_conversations_and_orders_are_their_owners_alone(shop: Shop, api: APIClient, bob: User):
    begun = begin(api)
    link(api, begun)
    his = shop.client(bob)
    assert his.get(f"/api/v1/conversations/{begun['id']}").status_code == 404
    assert his.get("/api/v1/conversations").json()["results"] == []
    assert his.get("/api/v1/orders").json() == []
    assert link(his, begun).status_code == 404
    wish = {"tier": "conversation", "conversation_id": begun["id"]}
    assert his.post("/api/v1/checkout-sessions", wish).status_code == 404


def test_signed_out_people_get_nowhere(shop: Shop):
    api = APIClient()
    for path in ("conversations", "conversations/1", "orders"):
        assert api.get(f"/api/v1/{path}").status_code == 401
    assert api.post("/api/v1/conversations", {"title": "x"}).status_code == 401
    assert link(api, {"id": 1}).status_code == 401


@pytest.mark.parametrize(
    ("door", "body", "attr"),
    [
        ("conversations", {}, "title"),
        ("conversations", {"title": ""}, "title"),
        ("conversations", {"title": "x" * 201}, "title"),
        ("conversations", {"title": "a\0b"}, "title"),
        ("conversations", {"title": "x", "payment_status": "paid"}, "payment_status"),
        ("payment-links", {"tier": "conversation"}, "conversation_id"),
        ("payment-links", {"conversation_id": "one", "tier": "conversation"}, "conversation_id"),
        ("payment-links", {"conversation_id": 1, "tier": "a b"}, "tier"),
        ("payment-links", {"conversation_id": 1, "tier": "x", "amount": 1}, "amount"),
    ],
)
def test_a_wrong_wish_is_refused_by_the_fields_name(shop: Shop, api: APIClient, door, body, attr):
    answer = api.post(f"/api/v1/{door}", body)
    assert answer.status_code == 400
    assert attr in [error["attr"] for error in answer.json()["errors"]]


def test_the_same_key_gives_the_same_link(shop: Shop, api: APIClient):
    begun = begin(api)
    first, again = (link(api, begun, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    other = link(api, begin(api), HTTP_IDEMPOTENCY_KEY="k")
    assert other.status_code == 422
    assert Order.objects.count() == 1


def test_after_links_made_at_once_one_order_is_left_to_pay(shop: Shop, api: APIClient):
    begun = begin(api)

    def ask(_: int) -> int:
        status: int = link(api, begun).status_code
        connection.close()
        return status

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {201}
    newest = link(api, begun).json()["session_id"]
    pending = Order.objects.filter(status="pending")
    assert [order.provider_id for order in pending] == [newest]
    pay(shop, newest)
    assert status_of(api, begun) == "paid", unfinished()


def test_a_list_of_conversations_costs_the_same_at_any_length(
    shop: Shop, api: APIClient, alice: User, django_assert_num_queries
):
    Conversation.objects.bulk_create(
        Conversation(user=alice, title=f"number {number}") for number in range(60)
    )
    with django_assert_num_queries(2):
        page = api.get("/api/v1/conversations?page_size=50").json()
    assert page["results"][0]["title"] == "number 59"
    assert page["next"]
