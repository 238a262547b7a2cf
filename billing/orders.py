"""What becomes of an order. It is completed by the provider's word alone."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from billing import conversations, entitlements, tasks
from billing.models import Order
from config.kit.announcing import announce


def complete(order: Order, *, payment_status: str = "paid") -> None:
    """Safe to repeat; must run inside a transaction."""
    if order.can_move_to(Order.Status.COMPLETED):
        order.move_to(
            Order.Status.COMPLETED, completed_at=timezone.now(), payment_status=payment_status
        )
        conversations.follow(order)
        if not order.price.is_recurring:
            entitlements.follow_order(order)
        if order.ends_lesser:
            key = str(order.pk)
            transaction.on_commit(lambda: announce(tasks.end_lesser, key), robust=True)


def fail(order: Order, *, expired: bool) -> None:
    """Safe to repeat; must run inside a transaction."""
    if order.status == Order.Status.PENDING:
        order.move_to(Order.Status.EXPIRED if expired else Order.Status.FAILED)
        conversations.follow(order)
