"""What a payout's owner sees of it at once, and by mail where it went wrong."""

from __future__ import annotations

from django.utils import timezone

from billing.wallet.payout_models import Payout
from sessions_live import live

MESSAGES = {
    Payout.Status.PENDING: "Payout requested",
    Payout.Status.IN_TRANSIT: "Payout on its way to your bank",
    Payout.Status.PAID: "Payout paid",
    Payout.Status.FAILED: "Payout failed; the money is back in your wallet",
    Payout.Status.CANCELED: "Payout canceled; the money is back in your wallet",
}


def told(payout: Payout) -> None:
    """Must run inside the transaction in which it happened."""
    live.push(
        payout.user_id,
        "payout:update",
        {
            "payout_id": str(payout.pk),
            "status": payout.status,
            "amount": payout.amount,
            "currency": payout.currency,
            "message": message(payout),
            "timestamp": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )


def message(payout: Payout) -> str:
    words = MESSAGES[Payout.Status(payout.status)]
    if payout.waiting_for == Payout.Waiting.ACCOUNT:
        return f"{words}; it waits until your payout account is ready"
    return f"{words}: {payout.failure_message}" if payout.failure_message else words
