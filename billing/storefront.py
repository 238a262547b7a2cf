"""What the pricing page offers to the person who looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from billing import checkout, entitlements, plan_changes, plans, subscriptions
from billing.models import Interval, Plan, Price, Subscription
from billing.moves import Move, MoveRefused
from sessions_live.models import User


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan on the shelf. `price` is None for the free one; `refusal` says why it is not sold to
    this person."""

    plan: Plan
    price: Price | None
    others: Sequence[Price]
    trial_days: int = 0
    is_current: bool = False
    refusal: str = ""
    # That the running subscription can be changed to it.
    change: bool = False


@dataclass(frozen=True, slots=True)
class Storefront:
    offers: Sequence[Offer]
    interval: str
    intervals: Sequence[str]
    saving: int
    subscription: Subscription | None = None


def shelves(user: User | None, *, interval: str) -> Storefront:
    rows = list(plans.plans_for_sale())
    sold = [price for plan in rows for price in offers_of(plan)]
    held = entitlements.access_of(user).tier if user else ""
    subscription = subscriptions.current(user) if user else None
    shown = [offer(plan, user, interval=interval, held=held) for plan in rows]
    return Storefront(
        offers=[replace(each, change=may_change(subscription, each.price)) for each in shown],
        interval=interval,
        intervals=[each for each in (Interval.MONTH, Interval.YEAR) if _sells(sold, each)],
        saving=max(map(saving_percent, rows), default=0),
        subscription=subscription if subscription and subscription.is_live else None,
    )


def offers_of(plan: Plan) -> list[Price]:
    return list(plan.offers)  # type: ignore[attr-defined]


def offer(plan: Plan, user: User | None, *, interval: str, held: str) -> Offer:
    prices = offers_of(plan)
    chosen = next((price for price in prices if price.interval == interval), None)
    price = chosen or next(iter(prices), None)
    others = [each for each in prices if each is not price]
    is_current = plan.tier == held
    if price is None:
        return Offer(plan, None, others, is_current=is_current)
    if user is None:
        return Offer(plan, price, others, plan.trial_days if price.is_recurring else 0)
    return Offer(
        plan,
        price,
        others,
        plans.trial_days_for(user, price),
        is_current,
        refusal_for(user, price),
    )


def may_change(subscription: Subscription | None, price: Price | None) -> bool:
    if subscription is None or price is None or not price.is_recurring:
        return False
    try:
        return plan_changes.move_to(subscription, price) != Move.KEEP
    except MoveRefused:
        return False


def refusal_for(user: User, price: Price) -> str:
    try:
        checkout.refuse_second(user, price)
    except checkout.AlreadySubscribed as refusal:
        return refusal.detail
    return ""


def saving_percent(plan: Plan) -> int:
    """What a year costs less than twelve months, in whole percent, never rounded up."""
    amounts = {price.interval: price.amount for price in offers_of(plan)}
    if not {Interval.MONTH, Interval.YEAR} <= amounts.keys():
        return 0
    twelve = 12 * amounts[Interval.MONTH]
    return max(0, (twelve - amounts[Interval.YEAR]) * 100 // twelve)


def _sells(prices: list[Price], interval: str) -> bool:
    return any(price.interval == interval for price in prices)
