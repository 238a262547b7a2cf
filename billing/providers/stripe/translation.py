"""Stripe's events and objects in our words.

Written for API version 2026-05-27.dahlia; fields that moved since 2024 are read at both places
(docs.stripe.com/changelog/basil). A shape that is neither raises UnknownShape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from billing.providers.facts import (
    CREATED,
    ENDED,
    READ,
    UPDATED,
    CatalogChanged,
    CheckoutFailed,
    CheckoutPaid,
    Fact,
    PaymentBelongsToInvoice,
    PaymentCanceled,
    PaymentFact,
    PaymentFailed,
    PaymentProcessing,
    PaymentSucceeded,
    TrialEnding,
)
from billing.providers.stripe import money_back, own_bank, paying_out
from billing.providers.stripe.attempts import attempt_of, confirmation_wanted, method_name
from billing.providers.stripe.invoices import changed, changed_and
from billing.providers.stripe.reading import (
    PROVIDER,
    Payload,
    id_of,
    instant,
    instant_or_none,
    one_of,
    shape_of,
    subscription_of_invoice,
)
from billing.providers.stripe.subscription_state import subscription_fact, subscription_facts
from config.kit.money import Money

__all__ = ["PROVIDER", "id_of", "instant", "instant_or_none", "method_name"]

SESSION = ("open", "complete", "expired")
PAID_FOR = ("paid", "unpaid", "no_payment_required")


def facts_of(event: Payload) -> list[Fact]:
    kind, at = event["type"], instant(event["created"])
    with shape_of(kind):
        if of_payee := paying_out.READERS.get(kind):
            return [of_payee(event["data"]["object"], at, event.get("account") or "")]
        if read := READERS.get(kind):
            return read(event["data"]["object"], at)
    return []


def subject_of(event: Payload) -> str:
    thing = (event.get("data") or {}).get("object") or {}
    if thing.get("object") == "customer":
        return str(thing["id"])
    return id_of(thing.get("customer")) or str(thing.get("id", event["id"]))


# --- checkout sessions ----------------------------------------------------------------------------
def checkout_facts(session: Payload, at: datetime) -> list[Fact]:
    metadata, totals = session.get("metadata") or {}, session.get("total_details") or {}
    common: dict[str, Any] = {
        "provider": PROVIDER,
        "at": at,
        "checkout_id": session["id"],
        "order_id": metadata.get("order_id", ""),
        "purchase_id": metadata.get("purchase_id", ""),
        "escrow_id": metadata.get("escrow_id", ""),
    }
    status = one_of(SESSION, session["status"])
    payment_status = one_of(PAID_FOR, session["payment_status"])
    if status == "expired":
        return [CheckoutFailed(**common, expired=True)]
    if status != "complete" or payment_status == "unpaid":
        return []
    return [
        CheckoutPaid(
            **common,
            customer_id=id_of(session["customer"]),
            subscription_id=id_of(session["subscription"]),
            payment_id=id_of(session["payment_intent"]),
            payment_status=payment_status,
            total=Money(session["amount_total"], session["currency"]),
            discount=totals.get("amount_discount") or 0,
            tax=totals.get("amount_tax") or 0,
        )
    ]


def checkout_story(session: Payload) -> list[Fact]:
    """All that a session read with its subscription, invoice and intent expanded can tell.

    The same facts as its events would bring, so that whoever is first, both end alike.
    """
    invoice, intent, subscription = (
        session[name] if isinstance(session[name], Mapping) else {}
        for name in ("invoice", "payment_intent", "subscription")
    )
    paid_at = (invoice.get("status_transitions") or {}).get("paid_at")
    at = instant(paid_at or subscription.get("created") or session["created"])
    told: list[Fact] = []
    if subscription:
        told.append(subscription_fact(subscription, at, READ))
    told += checkout_facts(session, at)
    if intent:
        told += _intent_story(intent)
    if paid_at:
        told += changed_and(invoice_paid)(invoice, at)
    return told


def _intent_story(intent: Payload) -> list[Fact]:
    charge = intent["latest_charge"] or {"created": intent["created"]}
    if intent["status"] == "succeeded":
        return [payment_intent_fact(PaymentSucceeded, intent, instant(charge["created"]))]
    if intent["last_payment_error"]:
        return [payment_intent_fact(PaymentFailed, intent, instant(charge["created"]))]
    return []


def checkout_payment_failed(session: Payload, at: datetime) -> list[Fact]:
    metadata = session.get("metadata") or {}
    return [
        CheckoutFailed(
            provider=PROVIDER,
            at=at,
            checkout_id=session["id"],
            order_id=metadata.get("order_id", ""),
            purchase_id=metadata.get("purchase_id", ""),
            escrow_id=metadata.get("escrow_id", ""),
            expired=False,
        )
    ]


# --- payment intents ------------------------------------------------------------------------------
def payment_intent_facts(kind: type[PaymentFact]) -> Callable[[Payload, datetime], list[Fact]]:
    def read(intent: Payload, at: datetime) -> list[Fact]:
        return [payment_intent_fact(kind, intent, at)]

    return read


def payment_intent_fact(kind: type[PaymentFact], intent: Payload, at: datetime) -> PaymentFact:
    paid = kind is PaymentSucceeded
    return kind(
        provider=PROVIDER,
        at=at,
        payment_id=intent["id"],
        customer_id=id_of(intent.get("customer")),
        money=Money(intent["amount_received"] if paid else intent["amount"], intent["currency"]),
        order_id=(intent.get("metadata") or {}).get("order_id", ""),
        escrow_id=(intent.get("metadata") or {}).get("escrow_id", ""),
        purchase_id=(intent.get("metadata") or {}).get("purchase_id", ""),
        invoice_id=id_of(intent.get("invoice")),  # moved to invoice payments in basil
        description=intent.get("description") or "",
        created_at=instant(intent["created"]),
        attempt=attempt_of(intent, at) if kind in (PaymentSucceeded, PaymentFailed) else None,
    )


# --- invoices -------------------------------------------------------------------------------------
def invoice_paid(invoice: Payload, at: datetime) -> list[Fact]:
    if invoice["amount_paid"] == 0:
        return []  # nothing was charged: a trial's first invoice, or credit covered it
    return [_invoice_fact(PaymentSucceeded, invoice, at, invoice["amount_paid"])]


def invoice_payment_failed(invoice: Payload, at: datetime) -> list[Fact]:
    return [_invoice_fact(PaymentFailed, invoice, at, invoice["amount_due"])]


def action_needed(invoice: Payload, at: datetime) -> list[Fact]:
    """A renewal that the bank lets through only if its customer confirms it. A first payment's
    customer is there, and asked by the page that takes it."""
    if invoice["billing_reason"] == "subscription_create":
        return []
    fact = _invoice_fact(PaymentFailed, invoice, at, invoice["amount_due"])
    return [replace(fact, attempt=confirmation_wanted(invoice, at))]


def _invoice_fact(
    kind: type[PaymentFact], invoice: Payload, at: datetime, amount: int
) -> PaymentFact:
    subscription_id, metadata = subscription_of_invoice(invoice)
    return kind(
        provider=PROVIDER,
        at=at,
        payment_id=intent_of(invoice),
        customer_id=id_of(invoice["customer"]),
        money=Money(amount, invoice["currency"]),
        order_id=metadata.get("order_id", ""),
        invoice_id=invoice["id"],
        subscription_id=subscription_id,
        created_at=instant(invoice["created"]),
    )


def intent_of(invoice: Payload) -> str:
    if "payment_intent" in invoice:  # before basil
        return id_of(invoice["payment_intent"])
    payments = (invoice.get("payments") or {}).get("data") or []
    return next((id_of(p["payment"].get("payment_intent")) for p in payments), "")


def invoice_payment_facts(payment: Payload, at: datetime) -> list[Fact]:
    intent = id_of(payment["payment"].get("payment_intent"))
    if not intent:
        return []
    invoice_id = id_of(payment["invoice"])
    return [
        PaymentBelongsToInvoice(provider=PROVIDER, at=at, payment_id=intent, invoice_id=invoice_id)
    ]


# --- subscriptions --------------------------------------------------------------------------------
def trial_ending(subscription: Payload, at: datetime) -> list[Fact]:
    return [
        TrialEnding(
            provider=PROVIDER,
            at=at,
            subscription_id=subscription["id"],
            customer_id=id_of(subscription["customer"]),
        )
    ]


# --- catalogue ------------------------------------------------------------------------------------
def price_changed(price: Payload, at: datetime) -> list[Fact]:
    money = None if price["unit_amount"] is None else Money(price["unit_amount"], price["currency"])
    return [
        CatalogChanged(
            provider=PROVIDER,
            at=at,
            price_id=price["id"],
            active=bool(price["active"]),
            money=money,
            interval=(price.get("recurring") or {}).get("interval", "once"),
        )
    ]


def price_deleted(price: Payload, at: datetime) -> list[Fact]:
    return [CatalogChanged(provider=PROVIDER, at=at, price_id=price["id"], active=False)]


def product_changed(product: Payload, at: datetime) -> list[Fact]:
    active = bool(product["active"])
    return [CatalogChanged(provider=PROVIDER, at=at, product_id=product["id"], active=active)]


def product_deleted(product: Payload, at: datetime) -> list[Fact]:
    return [CatalogChanged(provider=PROVIDER, at=at, product_id=product["id"], active=False)]


READERS: dict[str, Callable[[Payload, datetime], list[Fact]]] = {
    "checkout.session.completed": checkout_facts,
    "checkout.session.async_payment_succeeded": checkout_facts,
    "checkout.session.async_payment_failed": checkout_payment_failed,
    "checkout.session.expired": checkout_facts,
    "payment_intent.succeeded": payment_intent_facts(PaymentSucceeded),
    "payment_intent.payment_failed": payment_intent_facts(PaymentFailed),
    "payment_intent.processing": payment_intent_facts(PaymentProcessing),
    "payment_intent.canceled": payment_intent_facts(PaymentCanceled),
    "invoice.finalized": changed,
    "invoice.paid": changed_and(invoice_paid),
    "invoice.payment_succeeded": changed_and(invoice_paid),
    "invoice.payment_failed": changed_and(invoice_payment_failed),
    "invoice.payment_action_required": changed_and(action_needed),
    "invoice.voided": changed,
    "invoice.marked_uncollectible": changed,
    "invoice_payment.paid": invoice_payment_facts,
    "customer.subscription.created": subscription_facts(CREATED),
    "customer.subscription.updated": subscription_facts(UPDATED),
    "customer.subscription.paused": subscription_facts(UPDATED),
    "customer.subscription.resumed": subscription_facts(UPDATED),
    "customer.subscription.deleted": subscription_facts(ENDED),
    "customer.subscription.pending_update_applied": subscription_facts(UPDATED),
    "customer.subscription.pending_update_expired": subscription_facts(UPDATED),
    "customer.subscription.trial_will_end": trial_ending,
    "price.created": price_changed,
    "price.updated": price_changed,
    "price.deleted": price_deleted,
    "product.created": product_changed,
    "product.updated": product_changed,
    "product.deleted": product_deleted,
    **money_back.READERS,
    **own_bank.READERS,
}
