"""What a subscription still owes: the open invoice, how often it was asked for, what the banks
said, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from billing.models import Invoice, PaymentAttempt, Subscription

# An invoice that is made so soon after the period's begin is its renewal's.
RENEWAL = timedelta(days=1)
CONFIRM = frozenset({"authentication_required", "invoice_payment_intent_requires_action"})
Status = Subscription.Status
OVERDUE = (Status.PAST_DUE, Status.UNPAID)


class Cause(StrEnum):
    DECLINED = "declined"
    CARD_EXPIRED = "card_expired"
    ACTION_NEEDED = "action_needed"
    NO_CARD = "no_card"


@dataclass(frozen=True, slots=True)
class Arrears:
    """An invoice that was asked for in vain. `attempts` are oldest first; there is none as long as
    only the invoice has told."""

    invoice: Invoice
    attempts: list[PaymentAttempt]

    @property
    def last(self) -> PaymentAttempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def cause(self) -> Cause:
        if self.last is None:
            return Cause.DECLINED
        said = {self.last.code, self.last.decline_code}
        if said & CONFIRM:
            return Cause.ACTION_NEEDED
        if "no_payment_method" in said:
            return Cause.NO_CARD
        return Cause.CARD_EXPIRED if "expired_card" in said else Cause.DECLINED

    @property
    def method(self) -> str:
        """The card that was asked last; a bank that waits does not name it."""
        return next((each.method for each in reversed(self.attempts) if each.method), "")

    @property
    def is_last_try(self) -> bool:
        return self.invoice.next_attempt_at is None


def unpaid(provider: str, provider_subscription_id: str) -> list[Invoice]:
    """Newest first: the provider goes by the last one."""
    rows = Invoice.objects.filter(
        provider=provider,
        provider_subscription_id=provider_subscription_id,
        status=Invoice.Status.OPEN,
        attempt_count__gt=0,
    )
    return list(rows.order_by("-created_at", "-id")) if provider_subscription_id else []


def arrears_of(subscription: Subscription | None) -> Arrears | None:
    """None where nothing is due, and where it has ended: then nothing is collected any more."""
    if subscription is None or subscription.duplicate or subscription.status not in OVERDUE:
        return None
    found = unpaid(subscription.provider, subscription.provider_id)
    return of_invoice(found[0]) if found else None


def of_invoice(invoice: Invoice) -> Arrears:
    attempts = PaymentAttempt.objects.filter(
        payment__provider=invoice.provider,
        payment__invoice_id=invoice.provider_id,
        succeeded=False,
    )
    return Arrears(invoice, list(attempts.order_by("created_at", "id")))


def grace_until(subscription: Subscription) -> datetime | None:
    """Counted from the renewal that failed, so that it is the same whatever arrives first; or from
    the invoice, where it failed in the midst of a period."""
    if subscription.status != Status.PAST_DUE:
        return None
    began = subscription.current_period_start or subscription.fact_at
    owed = unpaid(subscription.provider, subscription.provider_id)
    if owed and owed[-1].created_at > began + RENEWAL:
        began = owed[-1].created_at
    return began + timedelta(days=subscription.plan.grace_days)
