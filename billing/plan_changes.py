"""Another plan, or another interval: which way it goes, what it costs, and when it begins.

More begins at once and its difference is paid at once; less begins when what is paid for has
been used. During a trial nothing is paid, so everything begins at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from billing import moves, plans
from billing.hosted_page import NotForSale
from billing.models import ChangeQuote, Interval, Price, ProviderPrice, Subscription
from billing.moves import Move, MoveRefused, State
from billing.providers import get_provider
from billing.providers.base import PreviewLine
from billing.subscription_life import Asking, Wish, make_chosen_move
from billing.subscriptions import current
from config.kit.money import Money
from sessions_live.models import User

QUOTED_FOR = timedelta(hours=1)
CHANGEABLE = (State.ACTIVE, State.TRIALING, State.CHANGING, State.CONFIRMING)
# Something waits, and the present plan is asked for to take it back.
KEEPABLE = (State.CHANGING, State.CONFIRMING, State.RESUMING)
LENGTH = {Interval.MONTH: 1, Interval.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Preview:
    """What is due on confirming, and when the other plan begins; the lines add up to it."""

    move: Move
    price: Price
    due: Money
    lines: Sequence[PreviewLine]
    effective: datetime

    @property
    def amount_due(self) -> int:
        return self.due.amount

    @property
    def currency(self) -> str:
        return self.due.currency


def price_for(subscription: Subscription | None, *, tier: str, interval: str | None) -> Price:
    """Where no interval is named, the present one counts. Raises UnknownTier, MoveRefused."""
    if interval is None and subscription is not None:
        kept = Price.objects.filter(
            plan__tier=tier, plan__active=True, active=True, interval=subscription.interval
        )
        interval = subscription.interval if kept.exists() else None
    price = plans.get_price(tier=tier, interval=interval)
    if not price.is_recurring:
        raise MoveRefused("This plan is bought once and for good: choose it on the pricing page.")
    return price


def move_to(subscription: Subscription | None, price: Price) -> Move:
    """Raises MoveRefused."""
    state = moves.state_of(subscription)
    is_present = subscription is not None and is_same(subscription.price, price)
    if is_present and state in KEEPABLE:
        return Move.KEEP
    if subscription is None or state not in CHANGEABLE:
        moves.refuse(subscription, Move.SWITCH)
        raise MoveRefused()
    if is_present:
        raise MoveRefused("You have this plan already.")
    if is_same(subscription.planned_price, price):
        raise MoveRefused("This change is planned already.")
    if state == State.CONFIRMING and is_same(subscription.awaited_price, price):
        raise MoveRefused("This change waits already, for you to confirm it at your bank.")
    if price.currency != subscription.currency:
        raise MoveRefused("This plan is sold in another currency; let the present one end first.")
    if state == State.TRIALING or is_more(price, than=subscription.price):
        return Move.SWITCH
    return Move.PLAN_SWITCH


def is_same(one: Price | None, other: Price) -> bool:
    """Also where the catalogue has a new amount: who has a plan keeps what they pay for it."""
    return one is not None and (one.plan_id, one.interval) == (other.plan_id, other.interval)


def is_more(price: Price, *, than: Price) -> bool:
    def worth(each: Price) -> tuple[int, int]:
        return each.plan.rank, LENGTH[Interval(each.interval)]

    return worth(price) > worth(than)


def preview(owner: User, *, tier: str, interval: str | None) -> Preview:
    """Kept for an hour: confirmed by then, it costs what was shown. Raises MoveRefused,
    UnknownTier, NotForSale, ProviderError."""
    subscription = current(owner)
    price = price_for(subscription, tier=tier, interval=interval)
    move = move_to(subscription, price)
    assert subscription is not None
    now = timezone.now()
    if move == Move.SWITCH and subscription.status != Subscription.Status.TRIALING:
        return quote(subscription, price, at=now)
    later = subscription.current_period_end if move == Move.PLAN_SWITCH else None
    return Preview(move, price, Money(0, price.currency), (), later or now)


def quote(subscription: Subscription, price: Price, *, at: datetime) -> Preview:
    told = get_provider(subscription.provider).preview_change(
        subscription.provider_id, listed_id(price, subscription.provider)
    )
    ChangeQuote.objects.update_or_create(
        subscription=subscription,
        defaults={
            "price": price,
            "amount": told.due.amount,
            "currency": told.due.currency,
            "counted_from": told.counted_from,
            "shown_at": at,
        },
    )
    return Preview(Move.SWITCH, price, told.due, told.lines, told.counted_from or at)


def change(owner: User, asking: Asking, *, tier: str, interval: str | None) -> Subscription:
    """Raises what `preview` does, PaymentRefused, UnderWay, KeyReused. To the present plan while
    another is planned: the present one is kept."""

    def choose(subscription: Subscription | None) -> Wish:
        price = price_for(subscription, tier=tier, interval=interval)
        move = move_to(subscription, price)
        assert subscription is not None
        return Wish(move, details=details_of(subscription, price, move))

    return make_chosen_move(owner, asking, choose, asked={"tier": tier, "interval": interval})


def details_of(subscription: Subscription, price: Price, move: Move) -> dict[str, Any]:
    if move == Move.KEEP:
        return {}
    details: dict[str, Any] = {"price_id": listed_id(price, subscription.provider)}
    if move == Move.SWITCH and (shown := quoted_from(subscription, price)):
        details["counted_from"] = shown.isoformat()
    return details


def quoted_from(subscription: Subscription, price: Price) -> datetime | None:
    """The instant that the last preview counted from, where it was of this very change."""
    shown = ChangeQuote.objects.filter(
        subscription=subscription, price=price, shown_at__gt=timezone.now() - QUOTED_FOR
    ).first()
    start = subscription.current_period_start
    if shown is None or shown.counted_from is None or start is None:
        return None
    return shown.counted_from if shown.counted_from >= start else None


def listed_id(price: Price, provider: str) -> str:
    """Raises NotForSale."""
    listed = ProviderPrice.objects.filter(price=price, provider=provider, in_step=True).first()
    if listed is None:
        raise NotForSale()
    return listed.provider_id
