"""Stripe, as the rest of the house sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from billing.providers.base import (
    ChangePreview,
    CheckoutRequest,
    CheckoutState,
    IntentRequest,
    IntentState,
    ItemPageRequest,
    ListedPrice,
    NewCustomer,
    NotFound,
    SubscriptionWish,
)
from billing.providers.facts import (
    READ,
    CheckoutOpened,
    CheckoutPaid,
    CustomerMade,
    Delivery,
    Fact,
    PaymentFact,
    ProviderFee,
    PurchaseOpened,
    SubscriptionChanged,
    TrialEnding,
)
from billing.providers.money_back_facts import MoneyBack
from billing.providers.stripe import (
    catalogue,
    collecting,
    deliveries,
    ending,
    intents,
    item_pages,
    making,
    money,
    scrubbing,
    subscriptions,
    translation,
)
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.holding import StripeEscrow
from billing.providers.stripe.lists import StripeLists
from billing.providers.stripe.paying_out import StripePayouts
from billing.providers.stripe.reading import shape_of


class StripeProvider(StripePayouts, StripeEscrow, StripeLists):
    name = "stripe"

    # --- what Stripe tells us ---------------------------------------------------------------------
    def read_delivery(self, body: bytes, headers: Mapping[str, str]) -> Delivery:
        return deliveries.read_delivery(body, headers)

    def facts(self, event: Mapping[str, Any]) -> list[Fact]:
        return translation.facts_of(event)

    def subject(self, event: Mapping[str, Any]) -> str:
        return translation.subject_of(event)

    def settle(self, fact: Fact) -> list[Fact]:
        """The fact as Stripe has it now. What Stripe no longer knows stands as it was told. Raises
        UnknownShape, ProviderError."""
        try:
            with shape_of(f"what Stripe says of {type(fact).__name__}"):
                facts = self._read(fact)
        except NotFound:
            facts = [fact]
        return [replace(each, settled=True) for each in facts]

    def _read(self, fact: Fact) -> list[Fact]:
        if isinstance(fact, SubscriptionChanged):
            return [self._subscription(fact.subscription_id, fact.at)]
        if isinstance(fact, TrialEnding):
            method = collecting.trial_method(fact.subscription_id)
            return [
                self._subscription(fact.subscription_id, fact.at),
                replace(fact, method=method),
            ]
        if isinstance(fact, CheckoutPaid) and fact.subscription_id:
            # The subscription first: the checkout's order is completed by what it gives.
            return [self._subscription(fact.subscription_id, fact.at), fact]
        if isinstance(fact, MoneyBack):
            # The payment first: what was never paid cannot be given back.
            return [*intents.read_intent(fact.payment_id).facts, fact]
        if isinstance(fact, PaymentFact) and fact.invoice_id:
            return collecting.payment_of_invoice(fact)
        return [fact]

    def _subscription(self, subscription_id: str, at: datetime) -> Fact:
        with stripe_says() as stripe:
            subscription = stripe.v1.subscriptions.retrieve(
                subscription_id, {"expand": subscriptions.TOGETHER}
            )
        return translation.subscription_fact(subscription.to_dict(), at, READ)

    # --- what is owed -----------------------------------------------------------------------------
    def pay_invoice(self, invoice_id: str, *, key: str) -> tuple[Fact, ...]:
        return collecting.pay_invoice(invoice_id, key)

    def read_invoice(self, invoice_id: str) -> tuple[Fact, ...]:
        return collecting.read_invoice(invoice_id)

    def answered_invoice(self, invoice_id: str) -> tuple[Fact, ...] | None:
        return collecting.answered_invoice(invoice_id)

    def close_invoice(self, invoice_id: str, how: str, *, key: str) -> Fact:
        return collecting.close_invoice(invoice_id, how, key)

    def closed_invoice(self, invoice_id: str, how: str) -> Fact | None:
        return collecting.closed_invoice(invoice_id, how)

    def open_portal(self, customer_id: str, return_url: str, *, key: str) -> tuple[str, str]:
        return collecting.open_portal(customer_id, return_url, key)

    # --- what we ask of Stripe --------------------------------------------------------------------
    def create_customer(self, wishes: NewCustomer, *, key: str) -> CustomerMade:
        return making.create_customer(wishes, key)

    def find_customer(self, wishes: NewCustomer, *, key: str) -> CustomerMade | None:
        return making.find_customer(wishes, key)

    def open_checkout(self, request: CheckoutRequest, *, key: str) -> CheckoutOpened:
        return making.open_checkout(request, key)

    def find_checkout(self, request: CheckoutRequest, *, key: str) -> CheckoutOpened | None:
        return making.find_checkout(request, key)

    def balance(self) -> dict[str, int]:
        return money.balance()

    def fees(self, since: datetime) -> Iterable[ProviderFee]:
        return money.fees(since)

    def open_item_page(self, request: ItemPageRequest, *, key: str) -> PurchaseOpened:
        return item_pages.open_item_page(request, key)

    def find_item_page(self, request: ItemPageRequest, *, key: str) -> PurchaseOpened | None:
        return item_pages.find_item_page(request, key)

    def open_intent(self, request: IntentRequest, *, key: str) -> tuple[Fact, ...]:
        return intents.open_intent(request, key)

    def find_intent(self, request: IntentRequest, *, key: str) -> tuple[Fact, ...]:
        return intents.find_intent(request, key)

    def read_intent(self, provider_id: str) -> IntentState:
        return intents.read_intent(provider_id)

    def cancel_intent(self, provider_id: str, *, key: str) -> IntentState:
        return intents.cancel_intent(provider_id, key)

    def saved_card(self, customer_id: str) -> str:
        return intents.saved_card(customer_id)

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

    def cancel_subscription(self, subscription_id: str, *, key: str) -> Fact:
        return ending.cancel_subscription(subscription_id, key)

    def canceled_subscription(self, subscription_id: str) -> Fact | None:
        return ending.canceled_subscription(subscription_id)

    def change_subscription(self, wish: SubscriptionWish) -> SubscriptionChanged:
        return subscriptions.carry_out(wish)

    def read_subscription(self, subscription_id: str) -> SubscriptionChanged:
        return subscriptions.read(subscription_id)

    def preview_change(self, subscription_id: str, price_id: str) -> ChangePreview:
        return subscriptions.preview(subscription_id, price_id)

    def methods_of(self, customer_id: str) -> list[str]:
        return scrubbing.methods_of(customer_id)

    def scrub_customer(self, customer_id: str, *, key: str) -> None:
        scrubbing.scrub_customer(customer_id, key)

    def is_scrubbed(self, customer_id: str) -> bool:
        return scrubbing.is_scrubbed(customer_id)

    def publish_prices(self, prices: Iterable[ListedPrice]) -> dict[str, tuple[str, str]]:
        return catalogue.publish(prices)
