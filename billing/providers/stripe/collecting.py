"""Asking Stripe to collect an open invoice now, or never again; and the portal, where a customer
gives another card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from billing.providers.base import NotFound, PaymentRefused, ProviderRefused
from billing.providers.facts import (
    READ,
    Fact,
    InvoiceChanged,
    PaymentFact,
    PaymentFailed,
    PaymentProcessing,
    PaymentSucceeded,
)
from billing.providers.stripe import invoices, subscriptions, translation
from billing.providers.stripe.attempts import nothing_to_charge
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.reading import Payload, subscription_of_invoice

NO_CARD = "invoice_no_payment_method_types"
OF_INTENT = {"succeeded": PaymentSucceeded, "processing": PaymentProcessing}


def pay_invoice(invoice_id: str, key: str) -> tuple[Fact, ...]:
    """With the customer's default method. One that is paid already, by Stripe's own retry at the
    same moment, is as good as paid by us; one whose bank waits for the customer stays open."""
    try:
        with stripe_says() as stripe:
            stripe.v1.invoices.pay(invoice_id, {}, {"idempotency_key": key})
    except NotFound:
        raise
    except ProviderRefused as refusal:
        if (told := answered_invoice(invoice_id)) is None:
            raise without_card(refusal) from refusal
        return told
    return answered_invoice(invoice_id) or ()


def without_card(refusal: ProviderRefused) -> ProviderRefused:
    if refusal.reason != NO_CARD:
        return refusal
    words = "There is no card on file to pay with. Add one first, and then pay."
    return PaymentRefused(words, words=refusal.words, reason=refusal.reason)


def answered_invoice(invoice_id: str) -> tuple[Fact, ...] | None:
    """Its invoice, payment and subscription; None where it can simply be asked for again."""
    invoice, intent, at = _with_intent(invoice_id)
    waits = intent.get("status") in ("requires_action", "processing")
    if invoice["status"] == "open" and not waits:
        return None
    return _story(invoice, intent, at)


def read_invoice(invoice_id: str) -> tuple[Fact, ...]:
    return _story(*_with_intent(invoice_id))


def _with_intent(invoice_id: str) -> tuple[Payload, Payload, datetime]:
    with stripe_says() as stripe:
        invoice = stripe.v1.invoices.retrieve(invoice_id, {"expand": ["payments"]})
        theirs = invoice.to_dict()
        intent_id = translation.intent_of(theirs)
        intent: Payload = {}
        if intent_id:
            expand = {"expand": ["latest_charge"]}
            intent = stripe.v1.payment_intents.retrieve(intent_id, expand).to_dict()  # type: ignore[arg-type]
    return theirs, intent, _answered_at(invoice)


def _story(invoice: Payload, intent: Payload, at: datetime) -> tuple[Fact, ...]:
    told: list[Fact] = [_told(invoice, at), *_payment(invoice, intent, at)]
    if subscription_id := subscription_of_invoice(invoice)[0]:
        told.append(subscriptions.read(subscription_id))
    return tuple(told)


def _payment(invoice: Mapping[str, Any], intent: Mapping[str, Any], at: datetime) -> list[Fact]:
    kind = OF_INTENT.get(intent.get("status", ""))
    if kind is None:
        asks = intent.get("status") == "requires_action"
        return [replace(f, settled=True) for f in translation.action_needed(invoice, at) if asks]
    fact = translation.payment_intent_fact(kind, intent, at)
    return [
        replace(
            fact,
            invoice_id=invoice["id"],
            subscription_id=subscription_of_invoice(invoice)[0],
            settled=True,
        )
    ]


def payment_of_invoice(fact: PaymentFact) -> list[Fact]:
    """Which payment an invoice's event is about; and where it failed, whether a bank was asked."""
    with stripe_says() as stripe:
        expand = {"expand": ["payments.data.payment.payment_intent"]}
        invoice = stripe.v1.invoices.retrieve(fact.invoice_id, expand).to_dict()  # type: ignore[arg-type]
    told = replace(fact, payment_id=translation.intent_of(invoice))
    if isinstance(fact, PaymentFailed) and fact.attempt is None:
        payments: list[Payload] = invoice["payments"]["data"]
        intent = payments[0]["payment"].get("payment_intent") if payments else None
        told = replace(told, attempt=nothing_to_charge(invoice, intent or {}))
    return [invoices.invoice_fact(invoice, fact.at, READ), told]


def close_invoice(invoice_id: str, how: str, key: str) -> Fact:
    """`void`: nothing is owed any more. `rest`: Stripe does not try again by itself."""
    try:
        with stripe_says() as stripe:
            if how == "void":
                done = stripe.v1.invoices.void_invoice(invoice_id, {}, {"idempotency_key": key})
            else:
                done = stripe.v1.invoices.update(
                    invoice_id, {"auto_advance": False}, {"idempotency_key": key}
                )
    except NotFound:
        raise
    except ProviderRefused:
        if (told := closed_invoice(invoice_id, how)) is None:
            raise
        return told
    return _told(done.to_dict(), _answered_at(done))


def closed_invoice(invoice_id: str, how: str) -> Fact | None:
    """None where it still is to be closed."""
    with stripe_says() as stripe:
        invoice = stripe.v1.invoices.retrieve(invoice_id)
    theirs = invoice.to_dict()
    rests = how == "rest" and not theirs["auto_advance"]
    if theirs["status"] in ("draft", "open") and not rests:
        return None
    return _told(theirs, _answered_at(invoice))


def read_invoice_alone(invoice_id: str) -> InvoiceChanged:
    with stripe_says() as stripe:
        invoice = stripe.v1.invoices.retrieve(invoice_id)
    return _told(invoice.to_dict(), _answered_at(invoice))


def _told(invoice: Mapping[str, Any], at: datetime) -> InvoiceChanged:
    return replace(invoices.invoice_fact(invoice, at, READ), settled=True)


def _answered_at(thing: Any) -> datetime:
    return parsedate_to_datetime(thing.last_response.headers["Date"]).astimezone(UTC)


def open_portal(customer_id: str, return_url: str, key: str) -> tuple[str, str]:
    """Its id and its address, which is as good as a key to the customer's billing: never stored."""
    with stripe_says() as stripe:
        session = stripe.v1.billing_portal.sessions.create(
            {"customer": customer_id, "return_url": return_url}, {"idempotency_key": key}
        )
    return session.id, session.url


def trial_method(subscription_id: str) -> str:
    """What the trial's end will be charged to; empty where nothing is known."""
    with stripe_says() as stripe:
        read = stripe.v1.subscriptions.retrieve(
            subscription_id,
            {
                "expand": [
                    "default_payment_method",
                    "customer.invoice_settings.default_payment_method",
                ]
            },
        ).to_dict()
    customer: Mapping[str, Any] = read["customer"]
    settings = customer.get("invoice_settings") or {}
    return translation.method_name(
        read["default_payment_method"] or settings.get("default_payment_method")
    )
