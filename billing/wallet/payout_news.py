"""What a payout's owner sees of it at once; and its end by mail, as it comes days later, when
nobody looks at a page any more."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from billing import mails
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
    if payout.status == Payout.Status.PAID:
        _mail(payout, "payout_paid", paid_at=payout.finished_at)
    elif payout.status == Payout.Status.FAILED:
        # Banks turn money back after it was reported as paid, too.
        mails.withdraw(f"payout_paid:{payout.pk}")
        said, at_bank = payout.failure_message, payout.provider_id is not None
        _mail(payout, "payout_failed", reason=said, at_bank=at_bank)


def _mail(payout: Payout, template: str, **more: Any) -> None:
    mails.queue(
        user=payout.user,
        template=template,
        key=f"{template}:{payout.pk}",
        context={
            "amount": payout.amount,
            "currency": payout.currency,
            "asked_at": payout.created_at,
            "reference": str(payout.pk),
            **more,
        },
    )


def message(payout: Payout) -> str:
    words = MESSAGES[Payout.Status(payout.status)]
    if payout.status == Payout.Status.PENDING and payout.provider_id is not None:
        return "Payout accepted by the payment provider"
    if payout.waiting_for == Payout.Waiting.ACCOUNT:
        return f"{words}; it waits until your payout account is ready"
    return f"{words}: {payout.failure_message}" if payout.failure_message else words
