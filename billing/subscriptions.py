"""Following a provider's subscriptions. Its word counts; ours is only never to go back in time."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import transaction

from billing import (
    confirmations,
    entitlements,
    lapsed_resumptions,
    owing,
    payments,
    subscription_history,
    tasks,
)
from billing.models import Order, Price, Subscription
from billing.owners import find_order, owner_of
from billing.plans import UnknownPrice, find_price
from billing.providers.facts import READ, SubscriptionChanged
from billing.webhooks.registry import Unclear
from config.kit.announcing import announce
from sessions_live.models import User

alarm = logging.getLogger("alarm")

# What is said of a subscription needs these.
TOGETHER = ("plan", "price__plan", "planned_price__plan", "awaited_price__plan")


def follow(fact: SubscriptionChanged) -> Subscription:
    """Safe to repeat; must run inside a transaction. Raises NotOurs, Unclear, UnknownPrice."""
    known = (
        Subscription.objects.select_related("user", *TOGETHER)
        .filter(provider=fact.provider, provider_id=fact.subscription_id)
        .first()
    )
    if known is not None and not is_news(known, fact):
        return known
    order = find_order(fact.order_id)
    user = (
        known.user
        if known
        else owner_of(provider=fact.provider, customer_id=fact.customer_id, order=order)
    )
    subscription = known or Subscription(
        user=user, order=order, provider=fact.provider, provider_id=fact.subscription_id
    )
    before = subscription_history.snapshot(known) if known else None
    write(subscription, fact, known_price(fact))
    if before is None:
        subscription_history.note_beginning(subscription)
        payments.adopt_payments(subscription)
    else:
        if before.awaited_invoice != subscription.awaited_invoice:
            confirmations.settled(before.awaited_invoice)
        subscription_history.note(before, subscription, at=fact.at, reason=fact.end_reason)
    if fact.pause_lifted and fact.awaited is None:
        lapsed_resumptions.pause_again(subscription)
    entitlements.follow_subscription(subscription)
    return subscription


def is_news(known: Subscription, fact: SubscriptionChanged) -> bool:
    """Raises Unclear for two changes within one second that nothing but Stripe can order."""
    if known.status in Subscription.FINAL:
        return False
    if fact.at != known.fact_at:
        return fact.at > known.fact_at
    if fact.settled:
        return True
    if known.fact_rank != READ and fact.rank != known.fact_rank:
        return fact.rank > known.fact_rank
    if says_the_same(known, fact):
        return False
    raise Unclear(fact)


def says_the_same(known: Subscription, fact: SubscriptionChanged) -> bool:
    """The same news once more needs no answer from Stripe."""
    told = columns(fact, known_price(fact)) | what_is_awaited(fact)
    told["schedule_id"] = fact.schedule_id
    told["fact_rank"] = known.fact_rank
    return all(getattr(known, name) == value for name, value in told.items())


def known_price(fact: SubscriptionChanged) -> Price:
    price = find_price(provider=fact.provider, price_id=fact.price_id, lookup_key=fact.lookup_key)
    if price is None:
        raise UnknownPrice(f"{fact.subscription_id} has the price {fact.price_id}")
    return price


def write(subscription: Subscription, fact: SubscriptionChanged, price: Price) -> None:
    written = columns(fact, price) | what_is_awaited(fact) | what_is_planned(subscription, fact)
    for name, value in written.items():
        setattr(subscription, name, value)
    subscription.grace_until = owing.grace_until(subscription)
    if subscription.status in Subscription.LIVE and not subscription.duplicate:
        subscription.duplicate = has_another(subscription.user, subscription)
        if subscription.duplicate:
            end_duplicate(subscription)
    subscription.save()


def columns(fact: SubscriptionChanged, price: Price) -> dict[str, Any]:
    return {
        "plan": price.plan,
        "price": price,
        "status": fact.status,
        "interval": fact.interval,
        "amount": fact.money.amount,
        "currency": fact.money.currency,
        "current_period_start": fact.current_period_start,
        "current_period_end": fact.current_period_end,
        "trial_end": fact.trial_end,
        "cancel_at_period_end": fact.cancel_at_period_end,
        "canceled_at": fact.canceled_at,
        "ended_at": fact.ended_at,
        "paid_until": fact.paid_until,
        "created_at": fact.created_at,
        "fact_at": fact.at,
        "fact_rank": fact.rank,
    }


def what_is_planned(subscription: Subscription, fact: SubscriptionChanged) -> dict[str, Any]:
    """A schedule is another object: it is read once, when it shows, and done when its day has come.
    Raises Unclear."""
    ahead = fact.ahead
    if ahead is None and subscription.schedule_id == fact.schedule_id:
        planned, at = subscription.planned_price, subscription.planned_at
    elif ahead is None and not fact.settled:
        raise Unclear(fact)
    else:
        planned, at = first_ahead(fact)
    is_done = at is not None and (fact.current_period_start or fact.at) >= at
    if is_done or fact.status in Subscription.FINAL:
        planned, at = None, None
    return {"schedule_id": fact.schedule_id, "planned_price": planned, "planned_at": at}


def what_is_awaited(fact: SubscriptionChanged) -> dict[str, Any]:
    """Raises UnknownPrice."""
    awaited = fact.awaited
    if awaited is None or fact.status in Subscription.FINAL:
        return {"awaited_price": None, "awaited_until": None, "awaited_invoice": ""}
    price = find_price(provider=fact.provider, price_id=awaited.price_id, lookup_key="")
    if price is None:
        raise UnknownPrice(f"{fact.subscription_id} waits for the price {awaited.price_id}")
    return {
        "awaited_price": price,
        "awaited_until": awaited.until,
        "awaited_invoice": awaited.invoice_id,
    }


def first_ahead(fact: SubscriptionChanged) -> tuple[Price | None, datetime | None]:
    """Raises UnknownPrice."""
    ahead = [each for each in fact.ahead or () if each.price_id != fact.price_id]
    if not ahead:
        return None, None
    price = find_price(provider=fact.provider, price_id=ahead[0].price_id, lookup_key="")
    if price is None:
        raise UnknownPrice(f"{fact.subscription_id} is to have the price {ahead[0].price_id}")
    return price, ahead[0].at


def has_another(user: User, subscription: Subscription) -> bool:
    return Subscription.objects.live().filter(user=user).exclude(pk=subscription.pk).exists()


def end_duplicate(subscription: Subscription) -> None:
    """Bought in a second tab: it gives nothing and must cost nothing."""
    alarm.error("second live subscription", extra={"subscription": subscription.provider_id})
    key = str(subscription.pk)
    transaction.on_commit(lambda: announce(tasks.cancel_duplicate, key), robust=True)


def current(user: User) -> Subscription | None:
    """The running subscription, or the last one there was."""
    rows = Subscription.objects.select_related(*TOGETHER).filter(user=user, duplicate=False)
    return rows.live().first() or rows.order_by("-created_at").first()


def of_order(order: Order) -> Subscription | None:
    return Subscription.objects.select_related(*TOGETHER).filter(order=order).first()
