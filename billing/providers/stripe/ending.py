"""Ending subscriptions at Stripe. One that has ended already is as good as ended by us."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from billing.providers.base import NotFound
from billing.providers.facts import READ, Fact
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.translation import instant, subscription_fact


def cancel_subscription(subscription_id: str, key: str) -> Fact:
    try:
        with stripe_says() as stripe:
            ended = stripe.v1.subscriptions.cancel(
                subscription_id, {"prorate": False}, {"idempotency_key": key}
            )
    except NotFound:
        # Stripe says so of what has ended, too.
        if (found := canceled_subscription(subscription_id)) is None:
            raise
        return found
    return _ended(ended.to_dict())


def canceled_subscription(subscription_id: str) -> Fact | None:
    with stripe_says() as stripe:
        subscription = stripe.v1.subscriptions.retrieve(subscription_id).to_dict()
    return _ended(subscription) if subscription["ended_at"] else None


def _ended(subscription: dict[str, Any]) -> Fact:
    fact = subscription_fact(subscription, instant(subscription["ended_at"]), READ)
    return replace(fact, settled=True)
