"""Canceling at the provider what a user bought twice."""

from __future__ import annotations

from billing.models import Subscription
from billing.providers import get_provider


def cancel(subscription_id: str) -> None:
    """Safe to repeat: the key is the row's, and a canceled one is skipped."""
    subscription = Subscription.objects.get(pk=subscription_id, duplicate=True)
    if subscription.status not in Subscription.FINAL:
        get_provider(subscription.provider).cancel_subscription(
            subscription.provider_id, key=str(subscription.pk)
        )


def pending() -> list[str]:
    rows = Subscription.objects.filter(duplicate=True, status__in=Subscription.LIVE)
    return [str(key) for key in rows.values_list("pk", flat=True)[:100]]
