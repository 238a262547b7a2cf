"""Receipts of our own for what is paid once, where the provider writes no invoice.

They are written after the payment's transaction and not in it: a number is given under the lock of
its series, and a worker's batch of a hundred events must not hold that. Whoever needs one first
writes it: the task, the sweep, or the person who looks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from billing import notices, tasks
from billing.models import Invoice, NumberSeries, Payment, Purchase
from config.kit import announcing
from config.kit.one_by_one import one_by_one
from sessions_live.models import User

# How long the hosted page may take to tell what it took off and put on; then the sums tell.
PATIENCE = timedelta(hours=1)
LOOKED_BACK = timedelta(days=3)


def announce(payment: Payment) -> None:
    """Must run inside the transaction of the payment."""
    if payment.is_paid and is_one_off(payment):
        key = str(payment.pk)
        transaction.on_commit(lambda: announcing.announce(tasks.write_receipt, key))


def is_one_off(payment: Payment) -> bool:
    return not payment.invoice_id and bool(payment.order_id or payment.purchase_id)


def due(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    """Those that were paid once, and have no receipt though all is known that stands on one."""
    told = Q(tax__isnull=False) | Q(paid_at__lt=timezone.now() - PATIENCE)
    in_full = ~Q(purchase=None) & ~Q(purchase__way=Purchase.Way.PAGE)
    once = ~Q(order=None) | ~Q(purchase=None)
    return payments.filter(
        told | in_full,
        once,
        status__in=Payment.PAID,
        invoice_id="",
        has_receipt=False,
        amount__gt=0,
        paid_at__isnull=False,
    )


def write_due() -> int:
    """For the sweep: those of the last days."""
    recent = Payment.objects.filter(created_at__gt=timezone.now() - LOOKED_BACK)
    return write_all(due(recent))


def write_missing_of(user: User) -> int:
    return write_all(due(Payment.objects.filter(user=user)))


def write_one(payment_id: str) -> int:
    return write_all(due(Payment.objects.filter(pk=payment_id)))


def write_all(payments: QuerySet[Payment]) -> int:
    waiting = payments.select_related("user", "order__price__plan", "purchase__item")
    written = 0
    with one_by_one() as apart:
        for payment in waiting.order_by("paid_at", "pk")[:1000]:
            with apart(f"payment {payment.pk}"):
                written += write(payment)
    return written


@transaction.atomic
def write(payment: Payment) -> bool:
    """Safe to repeat, also at once: False where it is written already."""
    assert payment.paid_at is not None
    # The payment's lock before that of the series: a worker may hold it for a whole batch.
    if not Payment.objects.filter(pk=payment.pk, has_receipt=False).update(has_receipt=True):
        return False
    name = f"R-{payment.paid_at.astimezone(UTC).year}"
    NumberSeries.objects.bulk_create([NumberSeries(name=name)], ignore_conflicts=True)
    series = NumberSeries.objects.select_for_update().get(pk=name)
    series.last += 1
    series.save(update_fields=["last"])
    number = f"{name}-{series.last:06d}"
    receipt_for(payment, number, paid_at=payment.paid_at).save(force_insert=True)
    notices.receipt(payment, number=number)
    return True


def receipt_for(payment: Payment, number: str, *, paid_at: datetime) -> Invoice:
    discount, tax = additions(payment)
    words, quantity = what_was_bought(payment)
    subtotal = payment.amount + discount - tax
    line = {"description": words, "quantity": quantity, "amount": subtotal}
    return Invoice(
        user=payment.user,
        kind=Invoice.Kind.RECEIPT,
        provider=payment.provider,
        provider_id=payment.provider_id,
        payment=payment,
        number=number,
        status=Invoice.Status.PAID,
        currency=payment.currency,
        subtotal=subtotal,
        discount=discount,
        tax=tax,
        total=payment.amount,
        amount_due=payment.amount,
        amount_paid=payment.amount,
        amount_remaining=0,
        lines=[line | {"period_start": None, "period_end": None}],
        bill_to={"name": "", "email": payment.user.email, "address": [], "tax_ids": []},
        created_at=paid_at,
        issued_at=paid_at,
        paid_at=paid_at,
        fact_at=paid_at,
    )


def additions(payment: Payment) -> tuple[int, int]:
    """Discount and tax: as the hosted page told, or what the list price leaves over."""
    if payment.tax is not None:
        return payment.discount or 0, payment.tax
    source = payment.order or payment.purchase
    listed = source.amount if source else payment.amount
    return max(0, listed - payment.amount), max(0, payment.amount - listed)


def what_was_bought(payment: Payment) -> tuple[str, int]:
    if payment.purchase is not None:
        return payment.purchase.item.name, payment.purchase.quantity
    assert payment.order is not None
    return f"{payment.order.price.plan.name}, once, for good", 1
