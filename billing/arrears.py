"""What follows from a payment that failed, told by whichever of its events comes last: the grace is
counted, and its owner is written to, once per cause."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billing import confirmations, entitlements, mails, owing
from billing.models import Invoice, Payment, Subscription
from billing.owing import Arrears, Cause

# The invoice, the payment and the subscription tell of one failure within seconds.
SETTLES = timedelta(seconds=10)
TEMPLATES = {
    Cause.DECLINED: "payment_failed",
    Cause.CARD_EXPIRED: "card_expired",
    Cause.ACTION_NEEDED: "action_needed",
    Cause.NO_CARD: "no_card",
}


def after_payment(payment: Payment) -> None:
    """Safe to repeat, as all of these; inside the transaction of the news."""
    if payment.status == Payment.Status.FAILED and payment.invoice_id:
        _tell(_subscription(payment.provider, payment.provider_subscription_id))


def after_invoice(invoice: Invoice) -> None:
    if invoice.status != Invoice.Status.OPEN or not invoice.attempt_count:
        return
    subscription = _subscription(invoice.provider, invoice.provider_subscription_id)
    if subscription is not None:
        count_grace(subscription)
    _tell(subscription)


def after_subscription(subscription: Subscription) -> None:
    if subscription.status in Subscription.FINAL:
        # That access has ended is a mail of its own; that it is about to would be too late.
        for invoice in owing.unpaid(subscription.provider, subscription.provider_id):
            mails.withdraw(key_of(invoice, "last"))
    _tell(subscription)


def count_grace(subscription: Subscription) -> None:
    """Anew, as its invoice may say that the payment failed in the midst of a period."""
    until = owing.grace_until(subscription)
    if until != subscription.grace_until:
        subscription.grace_until = until
        subscription.save(update_fields=["grace_until"])
        entitlements.follow_subscription(subscription)


def _subscription(provider: str, provider_id: str) -> Subscription | None:
    if not provider_id:
        return None
    rows = Subscription.objects.select_related("plan", "user")
    return rows.filter(provider=provider, provider_id=provider_id).first()


def _tell(subscription: Subscription | None) -> None:
    """Nobody who has canceled is written to, nor before the bank's words are known."""
    if subscription is None:
        return
    confirmations.tell(subscription)
    if subscription.cancel_at_period_end:
        return
    arrears = owing.arrears_of(subscription)
    if arrears is None or arrears.last is None:
        return
    last = arrears.is_last_try and arrears.invoice.attempt_count > 1
    template = "payment_failed" if last else TEMPLATES[arrears.cause]
    mails.queue(
        user=subscription.user,
        template=template,
        key=key_of(arrears.invoice, "last" if last else arrears.cause),
        context=context_of(template, subscription, arrears),
        settles_in=SETTLES,
    )


def key_of(invoice: Invoice, occasion: str) -> str:
    """A further try that fails for the same cause is no news, unless it was the last one."""
    return f"payment_failed:{invoice.provider_id}:{occasion}"


def context_of(template: str, subscription: Subscription, arrears: Arrears) -> dict[str, Any]:
    told = {
        "amount": arrears.invoice.amount_remaining,
        "currency": arrears.invoice.currency,
        "plan": subscription.plan.name,
        "grace_until": subscription.grace_until,
    }
    if template != "no_card":
        told["method"] = arrears.method
    if template == "action_needed":
        return told | {"present": "", "confirm_by": None}
    told["next_attempt_at"] = arrears.invoice.next_attempt_at
    if template == "payment_failed":
        told["reason"] = arrears.last.message if arrears.last else ""
    return told
