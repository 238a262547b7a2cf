"""Recording what was paid and what was not. Whoever tells, and in whatever order, ends here."""

from __future__ import annotations

from typing import Any

from billing import notices, orders
from billing.models import Order, Payment, PaymentAttempt, Subscription
from billing.owners import find_order, owner_of
from billing.providers.facts import (
    Attempt,
    PaymentBelongsToInvoice,
    PaymentCanceled,
    PaymentFact,
    PaymentFailed,
    PaymentProcessing,
    PaymentSucceeded,
)
from billing.webhooks.registry import Unclear
from sessions_live.models import User

STATUS = {
    PaymentSucceeded: Payment.Status.SUCCEEDED,
    PaymentProcessing: Payment.Status.PROCESSING,
    PaymentFailed: Payment.Status.FAILED,
    PaymentCanceled: Payment.Status.CANCELED,
}


def record_payment(fact: PaymentFact) -> Payment:
    """Safe to repeat; must run inside a transaction. Raises NotOurs, Unclear."""
    order = find_order(fact.order_id)
    user = owner_of(provider=fact.provider, customer_id=fact.customer_id, order=order)
    payment = find_payment(fact) or new_payment(fact, user)
    learn(payment, fact, order)
    note_attempt(payment, fact.attempt)
    if payment.can_move_to(STATUS[type(fact)]):
        move(payment, fact)
        notices.payment_changed(payment)
    elif payment.status == STATUS[type(fact)]:
        fill_in(payment, words_of(fact))
    if payment.is_paid and payment.order is not None:
        orders.complete(payment.order)
    return payment


def find_payment(fact: PaymentFact) -> Payment | None:
    """Raises Unclear where the payload names an invoice whose payment we do not know yet."""
    rows = Payment.objects.select_related("user", "order__price__plan", "order__user")
    if fact.payment_id:
        return rows.filter(provider=fact.provider, provider_id=fact.payment_id).first()
    of_invoice = rows.filter(provider=fact.provider, invoice_id=fact.invoice_id).first()
    if of_invoice is None and not fact.settled:
        raise Unclear(fact)
    return of_invoice


def new_payment(fact: PaymentFact, user: User) -> Payment:
    return Payment.objects.create(
        user=user,
        provider=fact.provider,
        provider_id=fact.payment_id or fact.invoice_id,
        invoice_id=fact.invoice_id,
        amount=fact.money.amount,
        currency=fact.money.currency,
        description=fact.description[:300],
        created_at=fact.created_at,
    )


def learn(payment: Payment, fact: PaymentFact, order: Order | None) -> None:
    """What this fact knows and the row does not; each of a payment's events knows a part."""
    news: dict[str, Any] = {}
    if fact.invoice_id and not payment.invoice_id:
        news["invoice_id"] = fact.invoice_id
    if fact.description and not payment.description:
        news["description"] = fact.description[:300]
    # A subscription's renewals carry the first order too; they are paid for the subscription.
    if order and not payment.order_id and not order.price.is_recurring:
        news |= {"order": order, "tier": order.price.plan.tier}
    if fact.subscription_id and not payment.subscription_id:
        news |= {"provider_subscription_id": fact.subscription_id} | _of_subscription(fact)
    if fact.created_at < payment.created_at:
        news["created_at"] = fact.created_at
    if news:
        for name, value in news.items():
            setattr(payment, name, value)
        payment.save(update_fields=list(news))


def _of_subscription(fact: PaymentFact) -> dict[str, Any]:
    subscription = (
        Subscription.objects.select_related("plan")
        .filter(provider=fact.provider, provider_id=fact.subscription_id)
        .first()
    )
    if subscription is None:
        return {}
    return {"subscription": subscription, "tier": subscription.plan.tier}


def adopt_payments(subscription: Subscription) -> None:
    """Payments whose invoice came before their subscription did."""
    Payment.objects.filter(
        provider=subscription.provider,
        provider_subscription_id=subscription.provider_id,
        subscription=None,
    ).update(subscription=subscription, tier=subscription.plan.tier)


def move(payment: Payment, fact: PaymentFact) -> None:
    fields: dict[str, Any] = {"failure_code": "", "failure_message": ""}
    if isinstance(fact, PaymentSucceeded):
        # The method is that of the card that paid, not of one that was declined before.
        fields |= {"paid_at": fact.at, "amount": fact.money.amount, "method": ""}
    payment.move_to(STATUS[type(fact)], **(fields | words_of(fact)))


def words_of(fact: PaymentFact) -> dict[str, str]:
    """What the bank said, where this fact knows it; an invoice's does not."""
    if fact.attempt is None:
        return {}
    words = {"method": fact.attempt.method[:60]} if fact.attempt.method else {}
    if isinstance(fact, PaymentFailed):
        words["failure_code"] = (fact.attempt.decline_code or fact.attempt.code)[:80]
        words["failure_message"] = fact.attempt.message[:300]
    return words


def fill_in(payment: Payment, words: dict[str, str]) -> None:
    """For the second of two events of one outcome: the first may have been the invoice's."""
    news = {name: value for name, value in words.items() if value and not getattr(payment, name)}
    if news:
        for name, value in news.items():
            setattr(payment, name, value)
        payment.save(update_fields=list(news))


def note_attempt(payment: Payment, attempt: Attempt | None) -> None:
    if attempt is None:
        return
    PaymentAttempt.objects.bulk_create(
        [
            PaymentAttempt(
                payment=payment,
                provider_id=attempt.charge_id,
                succeeded=attempt.succeeded,
                code=attempt.code[:80],
                decline_code=attempt.decline_code[:80],
                message=attempt.message[:300],
                method=attempt.method[:60],
                created_at=attempt.at,
            )
        ],
        ignore_conflicts=True,
    )


def link_invoice(fact: PaymentBelongsToInvoice) -> None:
    """A payment that is not recorded yet learns its invoice when the invoice tells."""
    Payment.objects.filter(
        provider=fact.provider, provider_id=fact.payment_id, invoice_id=""
    ).update(invoice_id=fact.invoice_id)
