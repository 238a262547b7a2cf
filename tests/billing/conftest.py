from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from billing.catalogue import find_catalog, push_catalog, read_catalog, store_catalog
from billing.models import Entitlement, Payment, Subscription
from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from sessions_live.tokens import sign_in
from tests.billing.browsing import browser_of
from tests.billing.deal_pages import Pages
from tests.billing.deals import Deal
from tests.billing.earning import RICH, Earner
from tests.stand_in import StandIn
from tests.stripe_events import deliver

numbers = itertools.count(1)


class Shop:
    """A platform that sells, its provider, and who does what in it."""

    def __init__(self, stripe: StandIn) -> None:
        self.stripe = stripe

    def open(self, catalog: str) -> Shop:
        read = read_catalog(find_catalog(catalog))
        store_catalog(read)
        push_catalog(read, "stripe")
        return self

    def person(self, email: str = "", **fields: Any) -> User:
        return User.objects.create_user(email or f"person{next(numbers)}@example.com", **fields)

    def client(self, user: User) -> APIClient:
        access = sign_in(user, ip=None, user_agent="tests").access
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {access}")

    def checkout(self, user: User, tier: str = "pro", **body: Any) -> str:
        answer = self.client(user).post("/api/v1/checkout-sessions", {"tier": tier, **body})
        assert answer.status_code == 201, answer.json()
        return str(answer.json()["session_id"])

    def buy(self, user: User, tier: str = "pro", **body: Any) -> str:
        """Checks out and pays; no webhook is delivered yet."""
        session_id = self.checkout(user, tier, **body)
        self.stripe.pay(session_id).raise_for_status()
        return session_id

    def look_back(self, user: User, session_id: str) -> Any:
        """What the return page does."""
        return self.client(user).get(f"/api/v1/checkout-sessions/{session_id}")

    def hear(self, *events: dict[str, Any]) -> None:
        """Delivers events, in this order, and lets the worker take each."""
        for happened in events or self.stripe.events():
            answer = deliver(happened)
            assert answer.status_code == 200, answer.text
            inbox.drain()

    def holdings(self, user: User) -> dict[str, Any]:
        """What a user ends up with; the same whatever way the news took."""
        return {
            "payments": list(
                Payment.objects.filter(user=user).values_list(
                    "status", "amount", "currency", "tier"
                )
            ),
            "subscriptions": list(
                Subscription.objects.filter(user=user).values_list("status", "plan__tier")
            ),
            "entitlements": list(
                Entitlement.objects.filter(user=user, revoked_at=None).values_list(
                    "plan__tier", flat=True
                )
            ),
        }


@pytest.fixture
def shop(transactional_db: None, sandbox: StandIn) -> Shop:
    return Shop(sandbox).open("quantum_falcon")


@pytest.fixture
def alice(shop: Shop) -> User:
    return shop.person("alice@example.com")


@pytest.fixture
def bob(shop: Shop) -> User:
    return shop.person("bob@example.com")


@pytest.fixture
def browser(alice: User) -> Client:
    """Alice's, signed in."""
    return browser_of(alice)


@pytest.fixture
def deal(shop: Shop, alice: User, bob: User) -> Deal:
    return Deal(shop, alice, bob)


@pytest.fixture
def pages(shop: Shop, alice: User, bob: User) -> Pages:
    return Pages(shop, alice, bob)


@pytest.fixture
def maria(shop: Shop) -> Earner:
    return Earner(shop, shop.person("maria@example.com"))


@pytest.fixture
def ready(maria: Earner, rich: None) -> Earner:
    maria.onboards()
    maria.earns(10_000)
    return maria


@pytest.fixture
def rich(shop: Shop) -> None:
    """The platform's own balance at the provider holds something."""
    intent = shop.stripe.stripe.post(
        "/v1/payment_intents", data={"amount": 50_000, "currency": "usd"}
    ).json()
    shop.stripe.control(f"payment_intents/{intent['id']}/confirm", card=RICH).raise_for_status()


def unfinished() -> list[str]:
    """Events that did not end well, with why: for a failing test to show."""
    bad = WebhookEvent.objects.filter(status__in=["failed", "received"])
    return [f"{event.type}: {event.error[-300:]}" for event in bad]
