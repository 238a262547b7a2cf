"""What happened in a subscription's life, as rows: made from the difference between what we knew
and what a provider tells, whoever it was that wanted it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from billing import subscription_notices
from billing.models import Subscription, SubscriptionEvent
from billing.operations.models import Operation
from billing.subscription_acts import KIND
from billing.webhooks import cause
from sessions_live.models import User

Kind, By, Status = SubscriptionEvent.Kind, SubscriptionEvent.By, Subscription.Status


# What each act comes to, whoever tells us of it first: our call's answer, its event, the sweep.
OUTCOMES = {
    "switch": {Kind.PLAN_CHANGED, Kind.CHANGE_AWAITED, Kind.CHANGE_DROPPED},
    "plan_switch": {Kind.CHANGE_PLANNED},
    "keep": {Kind.CHANGE_DROPPED},
    "cancel": {Kind.CANCELED, Kind.CHANGE_DROPPED},
    "end": {Kind.ENDED},
    "reactivate": {Kind.REACTIVATED},
    "pause": {Kind.PAUSED},
    "resume": {Kind.RESUMED, Kind.CHANGE_AWAITED, Kind.CHANGE_DROPPED},
    "extend_trial": {Kind.TRIAL_EXTENDED},
}
# An event that comes later than this after the last wish is not thought to be of it.
FRESH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who wants the change that is told of, and why."""

    by: str
    actor: User | None
    reason: str
    kinds: Collection[str]


def last_wish(subscription: Subscription) -> Wanted | None:
    newest = (
        Operation.objects.select_related("user")
        .filter(subject=f"subscription:{subscription.pk}", kind=KIND)
        .order_by("-id")
        .first()
    )
    if newest is None:
        return None
    if newest.finished_at and newest.finished_at < timezone.now() - FRESH:
        return None
    wishes = newest.wishes
    return Wanted(wishes["by"], newest.user, wishes["reason"], OUTCOMES[wishes["act"]])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What of a subscription its history tells, read before news is written."""

    status: str
    price_id: int
    plan: str
    interval: str
    amount: int
    cancel_at_period_end: bool
    period_start: datetime | None
    trial_end: datetime | None
    planned_price_id: int | None
    planned_at: datetime | None
    awaited_invoice: str


def snapshot(subscription: Subscription) -> Snapshot:
    return Snapshot(
        status=subscription.status,
        price_id=subscription.price_id,
        plan=subscription.plan.name,
        interval=subscription.interval,
        amount=subscription.amount,
        cancel_at_period_end=subscription.cancel_at_period_end,
        period_start=subscription.current_period_start,
        trial_end=subscription.trial_end,
        planned_price_id=subscription.planned_price_id,
        planned_at=subscription.planned_at,
        awaited_invoice=subscription.awaited_invoice,
    )


Change = tuple[str, dict[str, Any], dict[str, Any]]


def changes(old: Snapshot, new: Subscription) -> Iterator[Change]:
    if step := change_of_status(old, new):
        yield step
    if new.status in Subscription.FINAL:
        return
    if old.price_id != new.price_id:
        yield Kind.PLAN_CHANGED, offer(old), offer(snapshot(new))
    if old.cancel_at_period_end != new.cancel_at_period_end:
        kind = Kind.CANCELED if new.cancel_at_period_end else Kind.REACTIVATED
        yield kind, {}, {"ends_at": iso(new.current_period_end)}
    yield from changes_of_plans(old, new)
    if old.trial_end and new.trial_end and new.trial_end > old.trial_end:
        yield Kind.TRIAL_EXTENDED, {"until": iso(old.trial_end)}, {"until": iso(new.trial_end)}
    if is_renewal(old, new):
        yield Kind.RENEWED, {}, {"until": iso(new.current_period_end)}


def change_of_status(old: Snapshot, new: Subscription) -> Change | None:
    if old.status == new.status:
        return None
    kind = {
        (Status.TRIALING, Status.ACTIVE): Kind.TRIAL_ENDED,
        (Status.PAST_DUE, Status.ACTIVE): Kind.RECOVERED,
        (Status.UNPAID, Status.ACTIVE): Kind.RECOVERED,
        (Status.PAUSED, Status.ACTIVE): Kind.RESUMED,
    }.get((Status(old.status), Status(new.status)))
    reached = {
        Status.PAST_DUE: Kind.PAYMENT_FAILED,
        Status.PAUSED: Kind.PAUSED,
        Status.CANCELED: Kind.ENDED,
    }
    kind = kind or reached.get(Status(new.status), Kind.STATUS_CHANGED)
    after: dict[str, Any] = {"status": new.status}
    if new.paid_until:
        after["access_until"] = iso(new.paid_until)
    return kind, {"status": old.status, "canceled": old.cancel_at_period_end}, after


def changes_of_plans(old: Snapshot, new: Subscription) -> Iterator[Change]:
    """A change that took effect is told by the new price; one that is planned or dropped, or waits
    to be confirmed, here."""
    if old.awaited_invoice != new.awaited_invoice:
        yield from changes_of_awaited(old, new)
    if (old.planned_price_id, old.planned_at) == (new.planned_price_id, new.planned_at):
        return
    if new.planned_price is not None:
        price = new.planned_price
        words = {"plan": price.plan.name, "interval": price.interval, "amount": price.amount}
        yield Kind.CHANGE_PLANNED, offer(old), {**words, "from": iso(new.planned_at)}
    elif old.price_id == new.price_id and not is_as_planned(old, new):
        yield Kind.CHANGE_DROPPED, {}, offer(old)


def is_as_planned(old: Snapshot, new: Subscription) -> bool:
    """The other price may be told before the period that it begins with."""
    return old.planned_price_id == new.price_id


def changes_of_awaited(old: Snapshot, new: Subscription) -> Iterator[Change]:
    status = {"status": new.status}
    if new.awaited_price is not None:
        price = new.awaited_price
        words = {"plan": price.plan.name, "interval": price.interval, "amount": price.amount}
        yield Kind.CHANGE_AWAITED, offer(old), {**words, **status, "until": iso(new.awaited_until)}
    elif old.price_id == new.price_id and not has_gone_on(old, new):
        yield Kind.CHANGE_DROPPED, {}, {**offer(old), **status}


def has_gone_on(old: Snapshot, new: Subscription) -> bool:
    return old.status == Status.PAUSED != new.status


def is_renewal(old: Snapshot, new: Subscription) -> bool:
    if old.period_start is None or new.current_period_start is None:
        return False
    went_on = new.current_period_start > old.period_start
    stays = old.price_id == new.price_id and not is_as_planned(old, new)
    return went_on and stays and old.status == new.status == Status.ACTIVE


def offer(told: Snapshot) -> dict[str, Any]:
    return {"plan": told.plan, "interval": told.interval, "amount": told.amount}


def iso(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def note_beginning(subscription: Subscription) -> None:
    """Must run inside the transaction that writes it for the first time."""
    bought = subscription.order is not None
    SubscriptionEvent.objects.create(
        subscription=subscription,
        kind=Kind.BEGAN,
        at=subscription.created_at,
        after=offer(snapshot(subscription)),
        by=By.CUSTOMER if bought else By.PROVIDER,
        actor=subscription.user if bought else None,
        told_by=cause.current.get(),
    )


def note(old: Snapshot, subscription: Subscription, *, at: datetime, reason: str = "") -> None:
    """Must run inside the transaction of the change. `reason` is the provider's own."""
    told = list(changes(old, subscription))
    if not told:
        return
    wish = last_wish(subscription)
    by_itself = Wanted(By.PROVIDER, None, reason, ())
    rows = []
    for kind, before, after in told:
        who = wish if wish is not None and kind in wish.kinds else by_itself
        rows.append(
            SubscriptionEvent(
                subscription=subscription,
                kind=kind,
                at=at,
                before=before,
                after=after,
                by=who.by,
                actor=who.actor,
                told_by=cause.current.get(),
                reason=who.reason[:500],
            )
        )
    for row in SubscriptionEvent.objects.bulk_create(rows):
        subscription_notices.tell(subscription, row)
