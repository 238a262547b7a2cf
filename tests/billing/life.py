"""A customer's hands on their subscription, through the API, and Stripe's clock."""

from __future__ import annotations

import itertools
from typing import Any

from rest_framework.test import APIClient

from billing.models import Subscription, SubscriptionEvent
from sessions_live.models import User
from tests.billing.conftest import Shop

DAY = 86400
numbers = itertools.count(1)


class Life:
    """One person with a paid subscription; all that Stripe tells is heard at once."""

    def __init__(self, shop: Shop, user: User, tier: str = "pro", **body: Any) -> None:
        self.shop, self.user = shop, user
        self.api: APIClient = shop.client(user)
        self.heard: set[str] = set()
        shop.buy(user, tier, **body)
        self.hear()

    # --- time and news ----------------------------------------------------------------------------
    def hear(self) -> None:
        news = [each for each in self.shop.stripe.events() if each["id"] not in self.heard]
        self.heard |= {each["id"] for each in news}
        if news:
            self.shop.hear(*news)

    def advance(self, days: float) -> None:
        self.pass_time(days)
        self.hear()

    def pass_time(self, days: float) -> None:
        answer = self.shop.stripe.control("clock", advance_seconds=int(days * DAY))
        assert answer.status_code == 200, answer.text

    def use_card(self, number: str) -> None:
        self.shop.stripe.control(f"customers/{self.at_stripe['customer']}/card", card=number)

    # --- what one does ----------------------------------------------------------------------------
    def post(self, move: str, key: str = "", **body: Any) -> Any:
        headers = {"Idempotency-Key": key or f"key {next(numbers)}"}
        return self.api.post(f"/api/v1/subscription/{move}", body, headers=headers)

    def do(self, move: str, **body: Any) -> Any:
        answer = self.post(move, **body)
        assert answer.status_code == 200, answer.json()
        return answer.json()

    def refused(self, move: str, **body: Any) -> str:
        answer = self.post(move, **body)
        assert answer.status_code == 409, answer.json()
        (error,) = answer.json()["errors"]
        return str(error["detail"])

    def preview(self, **query: Any) -> Any:
        answer = self.api.get("/api/v1/subscription/change-preview", query)
        assert answer.status_code == 200, answer.json()
        return answer.json()

    # --- what is so -------------------------------------------------------------------------------
    @property
    def seen(self) -> Any:
        return self.api.get("/api/v1/subscription").json()

    @property
    def access(self) -> Any:
        return self.api.get("/api/v1/entitlements").json()

    @property
    def row(self) -> Subscription:
        return Subscription.objects.filter(user=self.user).latest("created_at")

    @property
    def at_stripe(self) -> dict[str, Any]:
        return self.shop.stripe.get(f"subscriptions/{self.row.provider_id}")

    def invoices(self) -> list[dict[str, Any]]:
        """Newest first."""
        listed: list[dict[str, Any]] = self.shop.stripe.get(
            "invoices", subscription=self.row.provider_id
        )["data"]
        return listed

    def history(self) -> list[tuple[str, str]]:
        """Since it began, oldest first: what, and by whom."""
        rows = SubscriptionEvent.objects.filter(subscription__user=self.user).exclude(kind="began")
        return [(row.kind, row.by) for row in rows.order_by("at", "id")]
