"""Stripe, as the rest of the house sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from billing.providers.base import (
    CheckoutRequest,
    CheckoutState,
    HostedCheckout,
    ListedPrice,
    NotFound,
)
from billing.providers.facts import (
    READ,
    CheckoutPaid,
    Delivery,
    Fact,
    PaymentFact,
    SubscriptionChanged,
)
from billing.providers.stripe import catalogue, deliveries, translation
from billing.providers.stripe.client import stripe_says


class StripeProvider:
    name = "stripe"

    # --- what Stripe tells us ---------------------------------------------------------------------
    def read_delivery(self, body: bytes, headers: Mapping[str, str]) -> Delivery:
        return deliveries.read_delivery(body, headers)

    def facts(self, event: Mapping[str, Any]) -> list[Fact]:
        return translation.facts_of(event)

    def subject(self, event: Mapping[str, Any]) -> str:
        return translation.subject_of(event)

    def settle(self, fact: Fact) -> list[Fact]:
        """The fact as Stripe has it now. What Stripe no longer knows stands as it was told."""
        try:
            facts = self._read(fact)
        except NotFound:
            facts = [fact]
        return [replace(each, settled=True) for each in facts]

    def _read(self, fact: Fact) -> list[Fact]:
        if isinstance(fact, SubscriptionChanged):
            return [self._subscription(fact.subscription_id, fact.at)]
        if isinstance(fact, CheckoutPaid) and fact.subscription_id:
            # The subscription first: the checkout's order is completed by what it gives.
            return [self._subscription(fact.subscription_id, fact.at), fact]
        if isinstance(fact, PaymentFact) and fact.invoice_id:
            with stripe_says() as stripe:
                invoice = stripe.v1.invoices.retrieve(fact.invoice_id, {"expand": ["payments"]})
            return [replace(fact, payment_id=translation.intent_of(invoice.to_dict()))]
        return [fact]

    def _subscription(self, subscription_id: str, at: datetime) -> Fact:
        with stripe_says() as stripe:
            subscription = stripe.v1.subscriptions.retrieve(subscription_id)
        return translation.subscription_fact(subscription.to_dict(), at, READ)

    # --- what we ask of Stripe --------------------------------------------------------------------
    def create_customer(self, *, key: str, email: str, user_id: int) -> str:
        with stripe_says() as stripe:
            customer = stripe.v1.customers.create(
                {"email": email, "metadata": {"user_id": str(user_id), "customer_id": key}},
                {"idempotency_key": f"customer:{key}"},
            )
        return customer.id

    def open_checkout(self, request: CheckoutRequest) -> HostedCheckout:
        with stripe_says() as stripe:
            session = stripe.v1.checkout.sessions.create(
                _checkout_params(request),  # type: ignore[arg-type]
                {"idempotency_key": f"order:{request.order_id}"},
            )
        return HostedCheckout(provider_id=session.id, url=session.url or "")

    def read_checkout(self, provider_id: str) -> CheckoutState:
        with stripe_says() as stripe:
            session = stripe.v1.checkout.sessions.retrieve(
                provider_id,
                {"expand": ["subscription", "invoice.payments", "payment_intent.latest_charge"]},
            ).to_dict()
        return CheckoutState(
            provider_id=session["id"],
            status=session["status"],
            payment_status=session["payment_status"],
            facts=tuple(replace(f, settled=True) for f in translation.checkout_story(session)),
        )

    def expire_checkout(self, provider_id: str) -> None:
        with stripe_says() as stripe:
            stripe.v1.checkout.sessions.expire(
                provider_id, {}, {"idempotency_key": f"expire:{provider_id}"}
            )

    def cancel_subscription(self, subscription_id: str, *, key: str) -> None:
        with stripe_says() as stripe:
            stripe.v1.subscriptions.cancel(
                subscription_id, {"prorate": False}, {"idempotency_key": f"cancel:{key}"}
            )

    def publish_prices(self, prices: Iterable[ListedPrice]) -> dict[str, tuple[str, str]]:
        return catalogue.publish(prices)


def _checkout_params(request: CheckoutRequest) -> dict[str, Any]:
    # All from the order's row: a repeated call must be the same call to the letter.
    ours = {
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
