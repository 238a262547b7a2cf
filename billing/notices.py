"""Telling people what happened: on their open pages, and by mail. Each function is called in the
transaction of what it tells of, may be called again, and tells once."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.utils import timezone

from billing import mails
from billing.models import Entitlement, Invoice, Order, Payment
from sessions_live import live
from sessions_live.familiarity import vicinity
from sessions_live.models import LiveSession, User

MESSAGES = {
    Payment.Status.PROCESSING: "Payment is being processed",
    Payment.Status.SUCCEEDED: "Payment received",
    Payment.Status.HELD: "Payment held in escrow",
    Payment.Status.RELEASED: "Payment released",
    Payment.Status.FAILED: "Payment failed",
    Payment.Status.CANCELED: "Payment canceled",
}
RECEIVED = (Payment.Status.SUCCEEDED, Payment.Status.HELD)
# A payment's events come within seconds, in any order; the last may tell which plan it was for.
RECEIPT_SETTLES = timedelta(seconds=5)
# The number of a receipt is given right after its payment, but for what a hosted page has yet to
# tell. Then the mail goes at once; without a number it does not wait for ever.
NUMBER_COMES_IN = timedelta(minutes=1)
# Ends of access that are no news: the person did it, or goes on with something else.
QUIET_ENDS = frozenset({"duplicate", "plan_changed", "erased"})
# The words for the person, by the reason on the right. Others are said as they are.
ENDS = {"grace_ended": "unpaid", "past_due": "unpaid", "incomplete_expired": "unpaid"}


def payment_changed(payment: Payment, order: Order | None = None) -> None:
    message = MESSAGES[Payment.Status(payment.status)]
    if payment.failure_message:
        message = f"{message}: {payment.failure_message}"
    say(payment.user_id, payment, message)
    receipt(payment, order)


def say(user_id: int, payment: Payment, message: str) -> None:
    live.push(
        user_id,
        "payment:update",
        {
            "payment_id": str(payment.pk),
            "status": payment.status,
            "amount": payment.amount,
            "currency": payment.currency,
            "message": message,
            "timestamp": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )


def receipt(payment: Payment, order: Order | None = None, *, number: str = "") -> None:
    """Called again with each thing that is learnt of a payment; `order` is the purchase that a
    subscription's payment belongs to. The `number` of a receipt of ours is told by who gives it."""
    if payment.status not in RECEIVED or not payment.amount:
        return
    what, interval = paid_for(payment, payment.order or order)
    if payment.invoice_id:
        number = number_of(payment)
    is_expected = not number and bool(payment.order_id or payment.purchase_id)
    mails.queue(
        user=payment.user,
        template="receipt",
        key=receipt_key(payment),
        context={
            "amount": payment.amount,
            "currency": payment.currency,
            "what": what,
            "interval": interval,
            "paid_at": payment.paid_at,
            "method": payment.method,
            "number": number,
            "reference": str(payment.pk),
        },
        settles_in=NUMBER_COMES_IN if is_expected else RECEIPT_SETTLES,
    )


def receipt_key(payment: Payment) -> str:
    return f"receipt:{payment.pk}"


def number_of(payment: Payment) -> str:
    """Of the provider's invoice, or of our own receipt; empty where none is given yet."""
    known = Invoice.objects.filter(
        provider=payment.provider, provider_id=payment.invoice_id or payment.provider_id
    )
    return known.values_list("number", flat=True).first() or ""


def paid_for(payment: Payment, order: Order | None) -> tuple[str, str]:
    if payment.subscription is not None:
        return payment.subscription.plan.name, payment.subscription.interval
    if order is not None:
        return order.price.plan.name, order.price.interval
    return payment.description or "Payment", ""


def access_ended(held: Entitlement) -> None:
    """Not where the person canceled, which they are told of when they do, nor where another right
    goes on."""
    assert held.revoked_at is not None
    reason = ENDS.get(held.revoke_reason, held.revoke_reason)
    if reason == "canceled" and was_left_unpaid(held):
        reason = "unpaid"
    if reason in QUIET_ENDS or reason == "canceled":
        return
    if Entitlement.objects.in_force(held.revoked_at).filter(user=held.user_id).exists():
        return
    mails.queue(
        user=held.user,
        template="access_ended",
        key=f"access_ended:{held.pk}",
        context={"plan": held.plan.name, "reason": reason, "at": held.revoked_at},
    )


def was_left_unpaid(held: Entitlement) -> bool:
    """Providers end a subscription by themselves when its last payment has failed for good."""
    kind, key = held.origin
    if kind != "subscription":
        return False
    last = Payment.objects.filter(subscription=key).order_by("-created_at", "-pk").first()
    return last is not None and last.status == Payment.Status.FAILED


def welcome(user: User) -> None:
    context = {"email": user.email}
    mails.queue(user=user, template="welcome", key=f"welcome:{user.pk}", context=context)


def new_device(session: LiveSession) -> None:
    """One mail, also of two sign-ins at the same moment."""
    seen = (session.device_type, session.browser, session.os, vicinity(session.ip))
    digest = hashlib.sha256(repr(seen).encode()).hexdigest()[:32]
    mails.queue(
        user=session.user,
        template="new_device",
        key=f"new_device:{session.user_id}:{digest}",
        context={
            "device": session.device_name,
            "location": "" if session.location == "Unknown" else session.location,
            "ip": session.ip,
            "at": session.created_at,
        },
    )
