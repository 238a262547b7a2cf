"""Taking a person out of Stripe's customer. The object stays: invoices and refunds hang on it."""

from __future__ import annotations

from billing.providers.base import NotFound
from billing.providers.stripe.client import stripe_says

EMPTY = {"email": "", "name": "", "phone": "", "address": "", "shipping": "", "description": ""}


def methods_of(customer_id: str) -> list[str]:
    try:
        with stripe_says() as stripe:
            listed = stripe.v1.payment_methods.list({"customer": customer_id, "limit": 100})
            return [method.id for method in listed.auto_paging_iter()]
    except NotFound:
        return []


def scrub_customer(customer_id: str, key: str) -> None:
    for method in methods_of(customer_id):
        with stripe_says() as stripe:
            stripe.v1.payment_methods.detach(method, {}, {"idempotency_key": f"{key}:{method}"})
    try:
        with stripe_says() as stripe:
            stripe.v1.customers.update(customer_id, EMPTY, {"idempotency_key": key})  # type: ignore[arg-type]
    except NotFound:
        if not is_scrubbed(customer_id):
            raise


def is_scrubbed(customer_id: str) -> bool:
    with stripe_says() as stripe:
        customer = stripe.v1.customers.retrieve(customer_id).to_dict()
    if customer.get("deleted"):
        return True
    bare = not any(customer.get(name) for name in EMPTY)
    return bare and not methods_of(customer_id)
