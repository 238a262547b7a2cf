"""A payment's story: what was asked for, what the bank said each time, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from billing import mails, notices, returns
from billing.happenings import Happening
from billing.models import Payment, PaymentAttempt, PaymentEvent
from billing.wording import PAYMENT_TONES

TITLES = {
    Payment.Status.PENDING: "Waiting for the payment",
    Payment.Status.PROCESSING: "Being processed by the bank",
    Payment.Status.SUCCEEDED: "Paid",
    Payment.Status.HELD: "Paid, and held until it is released",
    Payment.Status.RELEASED: "Released to the payee",
    Payment.Status.FAILED: "Not paid",
    Payment.Status.CANCELED: "Canceled",
    Payment.Status.PARTIALLY_REFUNDED: "Refunded in part",
    Payment.Status.REFUNDED: "Refunded",
    Payment.Status.DISPUTED: "Disputed",
}
# Within one second: it was asked for, and waited for, the bank answered, that was the outcome.
FIRST = {"created": 0, "pending": 1, "attempt_failed": 2, "attempt_succeeded": 2}
LATER = 3


def timeline_of(payment: Payment) -> list[Happening]:
    told = [
        created(payment),
        *(attempted(payment, attempt) for attempt in payment.attempts.all()),
        *outcomes(payment),
        *receipt(payment),
        *returns.teller().happenings_of(payment),
    ]
    return sorted(told, key=lambda each: (each.at, FIRST.get(each.kind, LATER)))


def created(payment: Payment) -> Happening:
    if payment.provider_subscription_id:
        detail, cause = "For a subscription", payment.invoice_id
    elif payment.order_id:
        detail, cause = "Ordered in a checkout", str(payment.order_id)
    else:
        detail, cause = "", payment.invoice_id
    return Happening(
        at=payment.created_at,
        kind="created",
        title=f"{payment.money} asked for",
        detail=detail,
        cause=cause,
    )


def attempted(payment: Payment, attempt: PaymentAttempt) -> Happening:
    by = attempt.method or "The payment method"
    if attempt.succeeded:
        return Happening(
            at=attempt.created_at,
            kind="attempt_succeeded",
            title=f"{by} was charged",
            cause=attempt.provider_id,
            tone="success",
        )
    codes = (attempt.decline_code, attempt.code)
    words = attempt.message or next((code for code in codes if code), "")
    return Happening(
        at=attempt.created_at,
        kind="attempt_failed",
        title=f"{by} was declined" if attempt.code == "card_declined" else f"{by} did not work",
        detail=words,
        cause=attempt.provider_id,
        tone="danger",
    )


def outcomes(payment: Payment) -> Iterator[Happening]:
    """The states that it came into. That it failed is told by its attempts, where it has any."""
    attempts = len(payment.attempts.all())
    for event in payment.events.all():
        if event.status == Payment.Status.FAILED and attempts:
            continue
        yield became(payment, event)


def receipt(payment: Payment) -> Iterator[Happening]:
    at = mails.sent_at(notices.receipt_key(payment))
    if at is not None:
        number = notices.number_of(payment)
        yield Happening(at=at, kind="receipt_sent", title="Receipt sent", detail=number)


def became(payment: Payment, event: PaymentEvent) -> Happening:
    status = Payment.Status(event.status)
    failed = status == Payment.Status.FAILED
    return Happening(
        at=event.at,
        kind=event.status,
        title=TITLES[status],
        detail=payment.failure_message if failed else "",
        cause=event.cause,
        event=bool(event.cause),
        tone=PAYMENT_TONES.get(status, "neutral"),
    )
