"""Telling people what happened, once it is committed."""

from __future__ import annotations

from django.utils import timezone

from billing.models import Payment
from sessions_live import live

MESSAGES = {
    Payment.Status.PROCESSING: "Payment is being processed",
    Payment.Status.SUCCEEDED: "Payment received",
    Payment.Status.FAILED: "Payment failed",
    Payment.Status.CANCELED: "Payment canceled",
}


def payment_changed(payment: Payment) -> None:
    message = MESSAGES[Payment.Status(payment.status)]
    if payment.failure_message:
        message = f"{message}: {payment.failure_message}"
    live.push(
        payment.user_id,
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
