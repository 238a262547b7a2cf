"""Stripe's subscriptions in our words: what they are for, until when, and what stands ahead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from billing.providers.facts import (
    UPDATED,
    AwaitedPrice,
    Fact,
    PlannedPrice,
    SubscriptionChanged,
)
from billing.providers.stripe.reading import (
    PROVIDER,
    Payload,
    id_of,
    instant,
    instant_or_none,
    one_of,
)
from config.kit.money import Money

STATUSES = (
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "canceled",
    "unpaid",
    "paused",
)


def subscription_facts(rank: int) -> Callable[[Payload, datetime], list[Fact]]:
    def read(subscription: Payload, at: datetime) -> list[Fact]:
        return [subscription_fact(subscription, at, rank)]

    return read


def subscription_fact(subscription: Payload, at: datetime, rank: int = UPDATED) -> Fact:
    item = subscription["items"]["data"][0]
    price = item["price"]
    # The period moved from the subscription to its items in basil.
    period = item if "current_period_end" in item else subscription
    return SubscriptionChanged(
        provider=PROVIDER,
        at=at,
        rank=rank,
        subscription_id=subscription["id"],
        customer_id=id_of(subscription["customer"]),
        order_id=(subscription.get("metadata") or {}).get("order_id", ""),
        status=_status(subscription),
        price_id=price["id"],
        lookup_key=price.get("lookup_key") or "",
        interval=price["recurring"]["interval"],
        money=Money((price["unit_amount"] or 0) * item.get("quantity", 1), price["currency"]),
        created_at=instant(subscription["created"]),
        current_period_start=instant_or_none(period["current_period_start"]),
        current_period_end=instant_or_none(period["current_period_end"]),
        trial_end=instant_or_none(subscription["trial_end"]),
        cancel_at_period_end=_ends_with_period(subscription, period["current_period_end"]),
        canceled_at=instant_or_none(subscription["canceled_at"]),
        ended_at=instant_or_none(subscription["ended_at"]),
        end_reason=(subscription.get("cancellation_details") or {}).get("reason") or "",
        paid_until=_paid_until(subscription),
        pause_lifted=_is_lifted(subscription),
        schedule_id=id_of(subscription.get("schedule")),
        ahead=_ahead(subscription.get("schedule")),
        awaited=_awaited(subscription),
    )


def _status(subscription: Payload) -> str:
    """A pause that our customer asked for leaves Stripe's status as it is. One that was made in
    the dashboard is a gift of free time (docs.stripe.com/billing/subscriptions/pause-payment): the
    subscription goes on."""
    status = one_of(STATUSES, subscription["status"])
    # Past due where a period began while going on waited for the bank: its invoice is void.
    paused = _paid_until(subscription) is not None and status in ("active", "past_due")
    return "paused" if paused else status


def _ends_with_period(subscription: Payload, period_end: int | None) -> bool:
    """Said by a flag, or by the date that newer billing modes set in its place."""
    at = subscription.get("cancel_at")
    by_date = at is not None and period_end is not None and at <= period_end
    return bool(subscription["cancel_at_period_end"]) or by_date


def _paid_until(subscription: Payload) -> datetime | None:
    if not (subscription.get("pause_collection") or _is_lifted(subscription)):
        return None
    noted = (subscription.get("metadata") or {}).get("paid_until")
    return instant(int(noted)) if noted else None


def _is_lifted(subscription: Payload) -> bool:
    """Going on waits for the bank, for which Stripe's own pause had to be lifted."""
    return bool((subscription.get("metadata") or {}).get("resuming"))


def _ahead(schedule: Any) -> tuple[PlannedPrice, ...] | None:
    if schedule is None:
        return ()
    if isinstance(schedule, str):
        return None
    current = schedule["current_phase"]
    return tuple(
        PlannedPrice(price_id=id_of(phase["items"][0]["price"]), at=instant(phase["start_date"]))
        for phase in schedule["phases"]
        if current is None or phase["start_date"] >= current["end_date"]
    )


def _awaited(subscription: Payload) -> AwaitedPrice | None:
    """A change whose payment the customer has to confirm; `latest_invoice` is what it waits for
    (docs.stripe.com/billing/subscriptions/pending-updates). Other changes may wait as well, which
    are none of ours."""
    update = subscription.get("pending_update") or {}
    items = update.get("subscription_items") or []
    if not items:
        return None
    return AwaitedPrice(
        price_id=id_of(items[0]["price"]),
        invoice_id=id_of(subscription["latest_invoice"]),
        until=instant(update["expires_at"]),
    )
