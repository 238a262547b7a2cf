"""Mails about a subscription's life: one for what was done with it, none for what was told
before."""

from __future__ import annotations

from typing import Any

from billing import mails
from billing.models import Subscription, SubscriptionEvent

Kind, By = SubscriptionEvent.Kind, SubscriptionEvent.By


def tell(subscription: Subscription, event: SubscriptionEvent) -> None:
    """Must run inside the transaction of the change."""
    if event.kind in (Kind.PLAN_CHANGED, Kind.CHANGE_PLANNED):
        template, context = "subscription_changed", changed(subscription, event)
    elif event.kind == Kind.CANCELED or is_news(event):
        template, context = "subscription_canceled", canceled(subscription, event)
    else:
        return
    key = f"{template}:{event.pk}"
    mails.queue(user=subscription.user, template=template, key=key, context=context)


def is_news(event: SubscriptionEvent) -> bool:
    """An end at once, or that of a trial without a card; not one that was announced, nor one that
    failed payments have led to."""
    if event.kind != Kind.ENDED:
        return False
    in_trial = event.before["status"] == Subscription.Status.TRIALING
    return event.by != By.PROVIDER or (in_trial and not event.before["canceled"])


def changed(subscription: Subscription, event: SubscriptionEvent) -> dict[str, Any]:
    return {
        "before": event.before["plan"],
        "plan": event.after["plan"],
        "interval": event.after["interval"],
        "amount": event.after["amount"],
        "currency": subscription.currency,
        "at": subscription.planned_at or event.at,
        "scheduled": event.kind == Kind.CHANGE_PLANNED,
        # What was paid is told by the receipt, which knows the invoice.
        "charged": None,
    }


def canceled(subscription: Subscription, event: SubscriptionEvent) -> dict[str, Any]:
    ended = event.kind == Kind.ENDED
    return {
        "plan": subscription.plan.name,
        "ends_at": subscription.ended_at if ended else subscription.current_period_end,
        "ended": ended,
    }
