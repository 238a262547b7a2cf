"""Telling people what happened, once it is committed."""

from __future__ import annotations

from django.utils import timezone

from billing import mails
from billing.models import Payment
from billing.wallet import news as wallet_news
from billing.wallet.models import Escrow
from sessions_live import live

MESSAGES = {
    Payment.Status.PROCESSING: "Payment is being processed",
    Payment.Status.SUCCEEDED: "Payment received",
    Payment.Status.HELD: "Payment held in escrow",
    Payment.Status.RELEASED: "Payment released",
    Payment.Status.FAILED: "Payment failed",
    Payment.Status.CANCELED: "Payment canceled",
}


def payment_changed(payment: Payment) -> None:
    message = MESSAGES[Payment.Status(payment.status)]
    if payment.failure_message:
        message = f"{message}: {payment.failure_message}"
    say(payment.user_id, payment, message)


def payment_secured(payment: Payment, agreed: Escrow) -> None:
    """Its payer hears that it is held, from `payment_changed`."""
    say(agreed.payee_id, payment, "Payment secured")
    wallet_news.changed(agreed.payee_id, agreed.currency)


def payment_released(payment: Payment, agreed: Escrow) -> None:
    message = "Payment released" if agreed.left.amount == 0 else "A part was released"
    for user_id in (agreed.payer_id, agreed.payee_id):
        say(user_id, payment, message)
    wallet_news.changed(agreed.payee_id, agreed.currency)


def escrow_waits(agreed: Escrow) -> None:
    mails.queue(
        user=agreed.payer,
        template="escrow_waiting",
        key=f"escrow_waiting:{agreed.pk}",
        context={
            "amount": agreed.left.amount,
            "currency": agreed.currency,
            "payee": agreed.payee.email,
            "what": agreed.description,
            "held_at": agreed.held_at,
            "release_at": agreed.release_at,
        },
    )


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
