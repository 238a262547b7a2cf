"""Buying an item through the API."""

from __future__ import annotations

from typing import Any

from sessions_live.models import User
from tests.billing.conftest import Shop


def ask(shop: Shop, user: User, item_id: str = "skin_neon", key: str = "", **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else None
    return shop.client(user).post(
        "/api/v1/payment-intents", {"item_id": item_id, **body}, headers=headers
    )


def confirm(shop: Shop, intent_id: str, card: str = "4242424242424242") -> Any:
    return shop.stripe.control(f"payment_intents/{intent_id}/confirm", card=card)


def look(shop: Shop, user: User, intent_id: str) -> Any:
    return shop.client(user).get(f"/api/v1/payment-intents/{intent_id}")


def owned(shop: Shop, user: User) -> list[tuple[str, int, int]]:
    rows = shop.client(user).get("/api/v1/purchases").json()["results"]
    return [(row["item_id"], row["quantity"], row["amount"]) for row in rows]
