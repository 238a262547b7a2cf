"""A plan that is bought for good ends the subscription that it replaces, and closes what is still
open to be subscribed to. Nothing is given back by itself: a refund is asked for, and decided on."""

from __future__ import annotations

from billing import checkout, subscription_life
from billing.models import Interval, Order, Subscription
from billing.subscription_life import Asking


def pending() -> list[str]:
    rows = Order.objects.filter(status=Order.Status.COMPLETED, ends_lesser=True)
    return [str(key) for key in rows.order_by("completed_at").values_list("pk", flat=True)[:100]]


def end_lesser(order_id: str) -> None:
    """Outside any transaction; safe to repeat. Raises ProviderError, UnderWay."""
    order = Order.objects.select_related("user", "price__plan").get(pk=order_id)
    lesser = Subscription.objects.live().filter(
        user=order.user, plan__rank__lte=order.price.plan.rank
    )
    if lesser.exists():
        reason = f"Replaced by {order.price.plan.name}, bought for good"
        asking = Asking(None, by="platform", reason=reason)
        subscription_life.cancel(order.user, asking, at_period_end=False)
    open_ones = Order.objects.filter(user=order.user, status=Order.Status.PENDING)
    checkout.close(open_ones.exclude(price__interval=Interval.ONCE))
    Order.objects.filter(pk=order.pk).update(ends_lesser=False)
