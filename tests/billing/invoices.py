"""Invoices and receipts as their owner gets them, and what is bought to have some."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pypdf

from billing.models import Payment, Purchase
from sessions_live.models import User
from tests.billing.conftest import Shop


def invoices_of(shop: Shop, user: User) -> list[dict[str, Any]]:
    answer = shop.client(user).get("/api/v1/invoices")
    assert answer.status_code == 200, answer.json()
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def words(body: bytes) -> str:
    reader = pypdf.PdfReader(io.BytesIO(body))
    return "\n".join(page.extract_text() for page in reader.pages)


def printed(shop: Shop, user: User, invoice: dict[str, Any]) -> str:
    answer = shop.client(user).get(f"/api/v1/invoices/{invoice['id']}/pdf")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    return words(answer.content)


def buy_item(shop: Shop, user: User, item_id: str = "skin_neon", **body: Any) -> None:
    begun = shop.client(user).post("/api/v1/payment-intents", {"item_id": item_id, **body}).json()
    shop.stripe.control(
        f"payment_intents/{begun['id']}/confirm", card="4242424242424242"
    ).raise_for_status()


def paid_once(user: User, number: int, at: datetime) -> Payment:
    from billing.models import Item

    item = Item.objects.get(slug="skin_neon")
    bought = Purchase.objects.create(
        user=user,
        item=item,
        quantity=1,
        unit_amount=299,
        amount=299,
        currency="usd",
        provider="stripe",
        way="intent",
        status="completed",
    )
    return Payment.objects.create(
        user=user,
        purchase=bought,
        provider="stripe",
        provider_id=f"pi_{number}",
        amount=299,
        currency="usd",
        status="succeeded",
        created_at=at,
        paid_at=at,
    )
