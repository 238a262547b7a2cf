"""Statuses and dates as people say them, for pages and for the console. Nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import dateformat, timezone

from billing.models import Interval, Invoice, Payment, Price, Subscription

# Tones are those of Unfold's labels; the pages' style sheet has the same names.
PAYMENT_TONES = {
    Payment.Status.PENDING: "warning",
    Payment.Status.PROCESSING: "info",
    Payment.Status.SUCCEEDED: "success",
    Payment.Status.HELD: "info",
    Payment.Status.RELEASED: "success",
    Payment.Status.FAILED: "danger",
    Payment.Status.DISPUTED: "danger",
}
SUBSCRIPTION_TONES = {
    Subscription.Status.ACTIVE: "success",
    Subscription.Status.TRIALING: "info",
    Subscription.Status.PAST_DUE: "warning",
    Subscription.Status.UNPAID: "danger",
    Subscription.Status.INCOMPLETE: "warning",
}
INVOICE_TONES = {
    Invoice.Status.OPEN: "warning",
    Invoice.Status.PAID: "success",
    Invoice.Status.UNCOLLECTIBLE: "danger",
}
PER_INTERVAL = {Interval.MONTH: "per month", Interval.YEAR: "per year", Interval.ONCE: "once"}


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription in words: a badge with its tone, and what comes next."""

    label: str
    tone: str
    next: str


def day(at: datetime | None) -> str:
    """`5 December 2026`, and something true where the provider has told no date yet."""
    return dateformat.format(timezone.localtime(at), "j F Y") if at else "a date still to come"


def rate(price: Price | Subscription) -> str:
    """`$9.99 per month`"""
    return f"{price.money} {PER_INTERVAL[Interval(price.interval)]}"


def standing(subscription: Subscription) -> Standing:
    status = Subscription.Status(subscription.status)
    label = "Trial" if status == Subscription.Status.TRIALING else status.label
    tone = SUBSCRIPTION_TONES.get(status, "neutral")
    if subscription.is_live and subscription.cancel_at_period_end:
        return Standing("Ending", "warning", f"Ends on {day(subscription.current_period_end)}.")
    return Standing(label, tone, what_comes_next(subscription, status))


def what_comes_next(subscription: Subscription, status: Subscription.Status) -> str:
    match status:
        case Subscription.Status.TRIALING:
            ends = day(subscription.trial_end)
            return f"Free until {ends}, then {rate(subscription)}."
        case Subscription.Status.ACTIVE:
            return what_renews(subscription)
        case Subscription.Status.PAST_DUE:
            grace = day(subscription.grace_until)
            return f"The last payment failed. You keep access until {grace}."
        case Subscription.Status.UNPAID:
            return "The last payment failed, and access has ended."
        case Subscription.Status.INCOMPLETE:
            return "The first payment is not complete yet."
        case Subscription.Status.PAUSED:
            return what_is_left(subscription)
        case _:
            return f"It ended on {day(subscription.ended_at or subscription.canceled_at)}."


def what_renews(subscription: Subscription) -> str:
    if (planned := subscription.planned_price) is not None:
        begins = day(subscription.planned_at)
        return f"Changes to {planned.plan.name} on {begins}, for {rate(planned)}."
    return f"Renews on {day(subscription.current_period_end)} for {subscription.money}."


def what_is_left(paused: Subscription) -> str:
    if paused.paid_until and paused.paid_until > timezone.now():
        return f"Nothing is charged. You keep access until {day(paused.paid_until)}."
    return "Nothing is charged while it is paused, and you have no access."


def payment_label(payment: Payment) -> str:
    status = Payment.Status(payment.status)
    return "Paid" if status == Payment.Status.SUCCEEDED else status.label


def payment_tone(payment: Payment) -> str:
    return PAYMENT_TONES.get(Payment.Status(payment.status), "neutral")


def invoice_tone(invoice: Invoice) -> str:
    return INVOICE_TONES.get(Invoice.Status(invoice.status), "neutral")
