"""Hosted pages for single items, at Stripe. Their price is told with them: no price of Stripe's own
is kept for what the buyer may name the price of."""

from __future__ import annotations

from typing import Any

import stripe as stripe_package

from billing.providers.base import ItemPageRequest
from billing.providers.facts import PurchaseOpened
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.making import of_operation
from billing.providers.stripe.translation import PROVIDER, instant


def open_item_page(request: ItemPageRequest, key: str) -> PurchaseOpened:
    with stripe_says() as stripe:
        session = stripe.v1.checkout.sessions.create(
            _params(request, key),  # type: ignore[arg-type]
            {"idempotency_key": key},
        )
    return _opened(session, request)


def find_item_page(request: ItemPageRequest, key: str) -> PurchaseOpened | None:
    with stripe_says() as stripe:
        listed = stripe.v1.checkout.sessions.list({"customer": request.customer_id, "limit": 100})
        for session in listed.auto_paging_iter():
            if of_operation(session, key):
                return _opened(session, request)
    return None


def _opened(session: stripe_package.checkout.Session, request: ItemPageRequest) -> PurchaseOpened:
    return PurchaseOpened(
        provider=PROVIDER,
        at=instant(session.created),
        purchase_id=request.purchase_id,
        opened_id=session.id,
        status=session.status or "open",
        # One that was paid or has expired meanwhile has no page any more.
        url=session.url or request.cancel_url,
        settled=True,
    )


def _params(request: ItemPageRequest, key: str) -> dict[str, Any]:
    ours = {"operation_id": key, **request.metadata}
    return {
        "mode": "payment",
        "customer": request.customer_id,
        "client_reference_id": request.purchase_id,
        "line_items": [
            {
                "price_data": {
                    "currency": request.currency,
                    "unit_amount": request.unit_amount,
                    "product_data": {"name": request.name},
                },
                "quantity": request.quantity,
            }
        ],
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "metadata": ours,
        "payment_intent_data": {
            "description": request.description,
            "metadata": ours,
        },
    }
