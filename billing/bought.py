"""What becomes of a purchase. It is completed by the provider's word alone."""

from __future__ import annotations

from django.utils import timezone

from billing.models import Payment, Purchase


def follow(payment: Payment) -> None:
    """Safe to repeat; must run inside a transaction."""
    if payment.purchase is None:
        return
    _note_payment(payment.purchase, payment)
    if payment.is_paid:
        complete(payment.purchase)
    elif payment.status == Payment.Status.CANCELED:
        cancel(payment.purchase)


def _note_payment(purchase: Purchase, payment: Payment) -> None:
    """The provider's answer may have been lost, or its webhook faster than our note of it."""
    if purchase.provider_id is None and purchase.way != Purchase.Way.PAGE:
        Purchase.objects.filter(pk=purchase.pk).update(provider_id=payment.provider_id)
        purchase.provider_id = payment.provider_id


def complete(purchase: Purchase) -> None:
    if purchase.can_move_to(Purchase.Status.COMPLETED):
        purchase.move_to(Purchase.Status.COMPLETED, completed_at=timezone.now())


def cancel(purchase: Purchase) -> None:
    if purchase.status == Purchase.Status.PENDING:
        purchase.move_to(Purchase.Status.CANCELED)
