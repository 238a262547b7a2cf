"""Recording what was paid and what was not. Whoever tells, and in whatever order, ends here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from billing import bought, escrow_payments, notices, orders, receipts
from billing.models import Order, Payment, PaymentAttempt, Purchase, Subscription
from billing.owners import find_order, find_purchase, owner_of
from billing.providers.facts import (
    Attempt,
    PaymentBelongsToInvoice,
    PaymentCanceled,
    PaymentFact,
    PaymentFailed,
    PaymentProcessing,
    PaymentSucceeded,
)
from billing.wallet import bookings
from billing.webhooks import cause
from billing.webhooks.registry import Unclear
from config.kit.ids import new_id
from sessions_live.models import User

STATUS = {
    PaymentSucceeded: Payment.Status.SUCCEEDED,
    PaymentProcessing: Payment.Status.PROCESSING,
    PaymentFailed: Payment.Status.FAILED,
    PaymentCanceled: Payment.Status.CANCELED,
}


# From the earlier to the later, where both are told for one second.
ON_THE_WAY = (Payment.Status.PROCESSING, Payment.Status.FAILED)


def record_payment(fact: PaymentFact) -> Payment:
    """Safe to repeat; must run inside a transaction. Raises NotOurs, Unclear."""
    order = find_order(fact.order_id)
    purchase = find_purchase(fact.purchase_id)
    user = owner_of(provider=fact.provider, customer_id=fact.customer_id, order=order or purchase)
    agreed = escrow_payments.escrow_of(fact, user)
    status = status_of(fact, escrowed=agreed is not None)
    payment = find_payment(fact)
    if payment is None:
        pk = agreed.pk if agreed else new_id()
        payment = new_payment(fact, user, status, pk=pk, order=order, purchase=purchase)
        follow(payment, order)
    else:
        learnt = news(payment, fact, order, purchase)
        keep(payment, learnt)
        if moves(payment, status, fact):
            payment.move_to(status, at=fact.at, **outcome(fact))
            follow(payment, order)
        elif payment.status == status:
            again = told_again(payment, fact)
            keep(payment, again)
            if learnt or again:
                notices.receipt(payment, order)
    note_attempt(payment, fact.attempt)
    if payment.is_paid and payment.order is not None:
        orders.complete(payment.order)
    bought.follow(payment)
    receipts.announce(payment)
    return payment


def follow(payment: Payment, order: Order | None) -> None:
    """What every change of a payment's status brings with it."""
    if payment.is_paid:
        book(payment)
    elif payment.status == Payment.Status.CANCELED:
        escrow_payments.closed(payment.pk)
    notices.payment_changed(payment, order)


def status_of(fact: PaymentFact, *, escrowed: bool) -> Payment.Status:
    if escrowed and isinstance(fact, PaymentSucceeded):
        return Payment.Status.HELD
    return STATUS[type(fact)]


def book(payment: Payment) -> None:
    """Safe to repeat; must run inside a transaction."""
    if payment.status == Payment.Status.HELD:
        escrow_payments.held(payment)
        return
    bookings.payment_paid(
        payment.pk, payment.provider, payment.money, description=payment.description
    )


def find_payment(fact: PaymentFact) -> Payment | None:
    """Raises Unclear where the payload names an invoice whose payment we do not know yet."""
    rows = Payment.objects.filter(provider=fact.provider)
    if fact.payment_id:
        return rows.filter(provider_id=fact.payment_id).first()
    of_invoice = rows.filter(invoice_id=fact.invoice_id).first()
    if of_invoice is None and not fact.settled:
        raise Unclear(fact)
    return of_invoice


def new_payment(
    fact: PaymentFact,
    user: User,
    status: Payment.Status,
    *,
    pk: UUID,
    order: Order | None,
    purchase: Purchase | None,
) -> Payment:
    """In one INSERT, with its outcome: most payments are told of only once."""
    payment = Payment(
        pk=pk,
        user=user,
        provider=fact.provider,
        provider_id=fact.payment_id or fact.invoice_id,
        amount=fact.money.amount,
        currency=fact.money.currency,
        created_at=fact.created_at,
        status=status,
        state_at=fact.at,
        told_by=cause.current.get(),
    )
    fill(payment, news(payment, fact, order, purchase) | outcome(fact))
    payment.save(force_insert=True)
    return payment


def news(
    payment: Payment, fact: PaymentFact, order: Order | None, purchase: Purchase | None
) -> dict[str, Any]:
    """What this fact knows and the row does not; each of a payment's events knows a part."""
    known: dict[str, Any] = {}
    if fact.invoice_id and not payment.invoice_id:
        known["invoice_id"] = fact.invoice_id
    if fact.description and not payment.description:
        known["description"] = fact.description[:300]
    # A subscription's renewals carry the first order too; they are paid for the subscription.
    if order and not payment.order_id and not order.price.is_recurring:
        known |= {"order": order, "tier": order.price.plan.tier}
    if purchase and not payment.purchase_id and purchase.user_id == payment.user_id:
        known |= {"purchase": purchase, "description": purchase.words[:300]}
    if fact.tax is not None and payment.tax is None:
        known |= {"tax": fact.tax, "discount": fact.discount}
    if fact.subscription_id and not payment.subscription_id:
        known |= {"provider_subscription_id": fact.subscription_id} | _of_subscription(fact)
    if fact.created_at < payment.created_at:
        known["created_at"] = fact.created_at
    return known


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


def outcome(fact: PaymentFact) -> dict[str, Any]:
    # The method is that of the card which is tried now, not of one that was declined before.
    fields: dict[str, Any] = {"failure_code": "", "failure_message": "", "method": ""}
    if isinstance(fact, PaymentSucceeded):
        fields |= {"paid_at": fact.at, "amount": fact.money.amount}
    return fields | words_of(fact)


def words_of(fact: PaymentFact) -> dict[str, str]:
    """What the bank said, where this fact knows it; an invoice's does not."""
    if fact.attempt is None:
        return {}
    words = {"method": fact.attempt.method[:60]} if fact.attempt.method else {}
    if isinstance(fact, PaymentFailed):
        words["failure_code"] = (fact.attempt.decline_code or fact.attempt.code)[:80]
        words["failure_message"] = fact.attempt.message[:300]
    return words


def moves(payment: Payment, status: str, fact: PaymentFact) -> bool:
    """What is paid or canceled is so whenever it is told; of two states on the way there the later
    one counts, and within one second the one that comes after the other."""
    if not payment.can_move_to(status):
        return False
    if payment.status not in ON_THE_WAY or status not in ON_THE_WAY:
        return True
    order = [state.value for state in ON_THE_WAY]
    return (payment.state_at, order.index(payment.status)) < (fact.at, order.index(status))


def told_again(payment: Payment, fact: PaymentFact) -> dict[str, Any]:
    """For the second of two events of one outcome, in either order: the first may have been the
    invoice's, which has no words, or that of another try. It was paid when it first was."""
    words: dict[str, Any] = dict(words_of(fact))
    if payment.status in ON_THE_WAY:
        if not is_newest(payment, fact.attempt):
            words = {}
        return words | ({"state_at": fact.at} if fact.at > payment.state_at else {})
    known = {name: value for name, value in words.items() if value and not getattr(payment, name)}
    if isinstance(fact, PaymentSucceeded) and payment.paid_at and fact.at < payment.paid_at:
        known |= {"paid_at": fact.at, "state_at": fact.at}
    return known


def is_newest(payment: Payment, attempt: Attempt | None) -> bool:
    if attempt is None:
        return False
    return not payment.attempts.filter(created_at__gt=attempt.at).exists()


def keep(payment: Payment, fields: dict[str, Any]) -> None:
    if fields:
        fill(payment, fields)
        payment.save(update_fields=list(fields))


def fill(payment: Payment, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(payment, name, value)


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
                error=dict(attempt.error),
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
