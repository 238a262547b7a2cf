"""What we make at Stripe, and how we find it again when Stripe's answer was lost.

Everything carries its operation's id as metadata. Stripe forgets idempotency keys after a day, and
its search lags behind by up to a minute; lists do neither.
"""

from __future__ import annotations

from typing import Any

import stripe as stripe_package

from billing.providers.base import CheckoutRequest, NewCustomer
from billing.providers.facts import CheckoutOpened, CustomerMade
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.translation import PROVIDER, instant


def create_customer(wishes: NewCustomer, key: str) -> CustomerMade:
    ours = {
        "operation_id": key,
        "customer_id": wishes.customer_key,
        "user_id": str(wishes.user_id),
    }
    with stripe_says() as stripe:
        customer = stripe.v1.customers.create(
            {"email": wishes.email, "metadata": ours}, {"idempotency_key": key}
        )
    return _made(customer, wishes)


def find_customer(wishes: NewCustomer, key: str) -> CustomerMade | None:
    with stripe_says() as stripe:
        listed = stripe.v1.customers.list({"email": wishes.email, "limit": 100})
        for customer in listed.auto_paging_iter():
            if of_operation(customer, key):
                return _made(customer, wishes)
    return None


def of_operation(thing: stripe_package.StripeObject, key: str) -> bool:
    return bool((thing.to_dict().get("metadata") or {}).get("operation_id") == key)


def _made(customer: stripe_package.Customer, wishes: NewCustomer) -> CustomerMade:
    return CustomerMade(
        provider=PROVIDER,
        at=instant(customer.created),
        key=wishes.customer_key,
        made_id=customer.id,
        settled=True,
    )


def open_checkout(request: CheckoutRequest, key: str) -> CheckoutOpened:
    with stripe_says() as stripe:
        session = stripe.v1.checkout.sessions.create(
            _checkout_params(request, key),  # type: ignore[arg-type]
            {"idempotency_key": key},
        )
    return _opened(session, request)


def find_checkout(request: CheckoutRequest, key: str) -> CheckoutOpened | None:
    with stripe_says() as stripe:
        listed = stripe.v1.checkout.sessions.list({"customer": request.customer_id, "limit": 100})
        for session in listed.auto_paging_iter():
            if of_operation(session, key):
                return _opened(session, request)
    return None


def _opened(session: stripe_package.checkout.Session, request: CheckoutRequest) -> CheckoutOpened:
    return CheckoutOpened(
        provider=PROVIDER,
        at=instant(session.created),
        checkout_id=session.id,
        order_id=request.order_id,
        # A session that was paid or has expired meanwhile has no page any more.
        url=session.url or request.cancel_url,
        settled=True,
    )


def _checkout_params(request: CheckoutRequest, key: str) -> dict[str, Any]:
    ours = {
        "operation_id": key,
        "order_id": request.order_id,
        "tier": request.tier,
        "request_id": request.request_id,
    }
    params: dict[str, Any] = {
        "mode": "subscription" if request.recurring else "payment",
        "customer": request.customer_id,
        "client_reference_id": request.order_id,
        "line_items": [{"price": request.price_id, "quantity": 1}],
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "metadata": ours,
        "allow_promotion_codes": request.allow_promotion_codes,
        "billing_address_collection": "required" if request.collect_billing_address else "auto",
        "automatic_tax": {"enabled": request.automatic_tax},
    }
    if request.collect_billing_address or request.automatic_tax:
        params["customer_update"] = {"address": "auto", "name": "auto"}
    if request.recurring:
        params["subscription_data"] = {"metadata": ours}
        if request.trial_days:
            params["subscription_data"]["trial_period_days"] = request.trial_days
        if request.trial_days and not request.trial_needs_card:
            params["payment_method_collection"] = "if_required"
            end = {"missing_payment_method": "cancel"}
            params["subscription_data"]["trial_settings"] = {"end_behavior": end}
    else:
        params["payment_intent_data"] = {"metadata": ours}
    return params
