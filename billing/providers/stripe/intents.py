"""Payment intents for items, at Stripe: opened, read, given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import stripe as stripe_package

from billing.providers.base import IntentRequest, IntentState
from billing.providers.facts import (
    Fact,
    PaymentCanceled,
    PaymentFact,
    PaymentFailed,
    PaymentProcessing,
    PaymentSucceeded,
    PurchaseOpened,
)
from billing.providers.stripe import translation
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.making import of_operation

KINDS: dict[str, type[PaymentFact]] = {
    "succeeded": PaymentSucceeded,
    "processing": PaymentProcessing,
    "canceled": PaymentCanceled,
}


def open_intent(request: IntentRequest, key: str) -> tuple[Fact, ...]:
    """A card on file that is declined leaves an intent behind: it is answered, not raised."""
    with stripe_says() as stripe:
        try:
            intent = stripe.v1.payment_intents.create(
                _params(request, key),  # type: ignore[arg-type]
                {"idempotency_key": key},
            ).to_dict()
        except stripe_package.CardError as declined:
            intent = _left_behind(declined)
    return _opened(intent, request)


def find_intent(request: IntentRequest, key: str) -> tuple[Fact, ...]:
    with stripe_says() as stripe:
        listed = stripe.v1.payment_intents.list(
            {"customer": request.customer_id, "limit": 100, "expand": ["data.latest_charge"]}
        )
        for intent in listed.auto_paging_iter():
            if of_operation(intent, key):
                return _opened(intent.to_dict(), request)
    return ()


def _opened(intent: Mapping[str, Any], request: IntentRequest) -> tuple[Fact, ...]:
    status, refusal = standing(intent)
    opened = PurchaseOpened(
        provider=translation.PROVIDER,
        at=translation.instant(intent["created"]),
        purchase_id=request.purchase_id,
        opened_id=intent["id"],
        client_secret=intent["client_secret"],
        status=status,
        refusal=refusal if request.saved_method else "",
        settled=True,
    )
    return (opened, *story(intent))


def _params(request: IntentRequest, key: str) -> dict[str, Any]:
    params: dict[str, Any] = {
        "amount": request.amount,
        "currency": request.currency,
        "customer": request.customer_id,
        "description": request.description,
        "metadata": {"operation_id": key, **request.metadata},
        "automatic_payment_methods": {"enabled": True},
        "expand": ["latest_charge"],
    }
    if request.saved_method:
        params |= {"payment_method": request.saved_method, "confirm": True, "off_session": True}
        params["automatic_payment_methods"]["allow_redirects"] = "never"
    return params


def _left_behind(declined: stripe_package.CardError) -> dict[str, Any]:
    body = declined.json_body or {}
    intent = (body.get("error") or {}).get("payment_intent") if isinstance(body, Mapping) else None
    if not intent:
        raise declined
    return dict(intent)


def read_intent(intent_id: str) -> IntentState:
    with stripe_says() as stripe:
        intent = stripe.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})
    return state_of(intent.to_dict())


def cancel_intent(intent_id: str, key: str) -> IntentState:
    with stripe_says() as stripe:
        intent = stripe.v1.payment_intents.cancel(
            intent_id, {"cancellation_reason": "abandoned"}, {"idempotency_key": key}
        )
    return state_of(intent.to_dict())


def state_of(intent: Mapping[str, Any]) -> IntentState:
    return IntentState(status=standing(intent)[0], facts=tuple(story(intent)))


def standing(intent: Mapping[str, Any]) -> tuple[str, str]:
    """Its status, and why its last card was declined."""
    status, error = intent["status"], intent.get("last_payment_error") or {}
    if status != "requires_payment_method" or not error:
        return status, ""
    if error.get("code") == "authentication_required":
        # Stripe sets back an intent whose card asks for its owner; the client can still finish it.
        return "requires_action", ""
    return status, error.get("message") or "The card was declined."


def story(intent: Mapping[str, Any]) -> list[Fact]:
    """The same facts as its events would bring."""
    kind = KINDS.get(intent["status"])
    if kind is None:
        kind = PaymentFailed if intent["last_payment_error"] else None
    if kind is None:
        return []
    charge = intent["latest_charge"]
    told = charge if isinstance(charge, Mapping) else intent
    at = translation.instant(intent.get("canceled_at") or told["created"])
    fact = translation.payment_intent_fact(kind, intent, at)
    if not charge:
        # A refusal without a charge has no id of its own; its event brings the attempt.
        fact = replace(fact, attempt=None)
    return [replace(fact, settled=True)]


def saved_card(customer_id: str) -> str:
    """The customer's default card, else the newest of them; empty where there is none."""
    with stripe_says() as stripe:
        customer = stripe.v1.customers.retrieve(customer_id).to_dict()
        cards = stripe.v1.customers.payment_methods.list(customer_id, {"type": "card", "limit": 10})
    default = (customer.get("invoice_settings") or {}).get("default_payment_method")
    return translation.id_of(default) or next((card.id for card in cards.data), "")
