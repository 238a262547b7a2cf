"""Whose is it? Every fact is traced to one of our orders or customers, or left alone."""

from __future__ import annotations

from uuid import UUID

from billing.models import Customer, Order, Purchase
from billing.webhooks.registry import NotOurs
from sessions_live.models import User


def find_order(order_id: str) -> Order | None:
    try:
        key = UUID(order_id)
    except ValueError:
        return None
    return Order.objects.select_related("user", "price__plan").filter(pk=key).first()


def find_purchase(purchase_id: str) -> Purchase | None:
    try:
        key = UUID(purchase_id)
    except ValueError:
        return None
    return Purchase.objects.select_related("user", "item").filter(pk=key).first()


def owner_of(*, provider: str, customer_id: str, order: Order | Purchase | None = None) -> User:
    """Raises NotOurs. The customer decides; an order stands in where no customer is named."""
    if customer_id:
        known = (
            Customer.objects.select_related("user")
            .filter(provider=provider, provider_id=customer_id)
            .first()
        )
        if known:
            return known.user
    if order is not None and order.provider == provider:
        return order.user
    raise NotOurs(f"no customer {customer_id!r} and no order of ours")
