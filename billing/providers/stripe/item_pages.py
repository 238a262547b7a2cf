"""Hosted pages for single things, at Stripe. Their price is told with them: no price of Stripe's
own is kept for what the buyer may name the price of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import stripe as stripe_package

from billing.providers.base import ItemPageRequest
from billing.providers.facts import PurchaseOpened
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.making import of_operation
from billing.providers.stripe.translation import PROVIDER, instant


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    unit_amount: int
    currency: str
    quantity: int = 1
    about: str = ""


def open_item_page(request: ItemPageRequest, key: str) -> PurchaseOpened:
    params = params_of(
        customer_id=request.customer_id,
        reference=request.purchase_id,
        line=Line(request.name, request.unit_amount, request.currency, request.quantity),
        description=request.description,
        metadata={"operation_id": key, **request.metadata},
        urls=(request.success_url, request.cancel_url),
    )
    return _opened(open_page(params, key), request)


def find_item_page(request: ItemPageRequest, key: str) -> PurchaseOpened | None:
    session = find_page(request.customer_id, key)
    return _opened(session, request) if session else None


def open_page(params: Mapping[str, Any], key: str) -> stripe_package.checkout.Session:
    with stripe_says() as stripe:
        return stripe.v1.checkout.sessions.create(
            params,  # type: ignore[arg-type]
            {"idempotency_key": key},
        )


def find_page(customer_id: str, key: str) -> stripe_package.checkout.Session | None:
    with stripe_says() as stripe:
        listed = stripe.v1.checkout.sessions.list({"customer": customer_id, "limit": 100})
        for session in listed.auto_paging_iter():
            if of_operation(session, key):
                return session
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


def params_of(
    *,
    customer_id: str,
    reference: str,
    line: Line,
    description: str,
    metadata: Mapping[str, str],
    urls: tuple[str, str],
) -> dict[str, Any]:
    """`urls` are where to go when it is paid, and when it is not."""
    success_url, cancel_url = urls
    product = {"name": line.name, **({"description": line.about} if line.about else {})}
    return {
        "mode": "payment",
        "customer": customer_id,
        "client_reference_id": reference,
        "line_items": [
            {
                "price_data": {
                    "currency": line.currency,
                    "unit_amount": line.unit_amount,
                    "product_data": product,
                },
                "quantity": line.quantity,
            }
        ],
        "success_url": success_url,
        "cancel_url": cancel_url,
        "metadata": dict(metadata),
        "payment_intent_data": {
            "description": description,
            "metadata": dict(metadata),
        },
    }
