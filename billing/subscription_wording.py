"""A subscription's moves and history as people say them. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.models import Interval, Subscription, SubscriptionEvent
from billing.moves import Move
from billing.subscription_life import FEEDBACK
from billing.wording import PER_INTERVAL, day, rate
from config.kit.money import Money

Kind, By = SubscriptionEvent.Kind, SubscriptionEvent.By


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before a move is made: what happens, and the words of both answers."""

    title: str
    text: str
    yes: str
    no: str
    done: str


def question(move: Move, subscription: Subscription) -> Question:
    plan = subscription.plan.name
    match move:
        case Move.REACTIVATE:
            return Question(
                f"Keep {plan}?",
                f"The cancellation is taken back. {next_charge(subscription)}",
                f"Keep {plan}",
                "Let it end",
                f"{plan} goes on as if nothing had happened.",
            )
        case Move.PAUSE:
            ends = day(subscription.current_period_end)
            return Question(
                f"Pause {plan}?",
                f"You keep access until {ends}, which is paid. After that nothing is charged and"
                " you have no access, until you resume.",
                "Pause it",
                "Do not pause",
                f"{plan} is paused. You keep access until {ends}.",
            )
        case Move.RESUME:
            return Question(
                f"Resume {plan}?",
                f"Within the time that you have paid ({day(subscription.paid_until)}) nothing is"
                f" charged now. After it, a new period begins at once, for {rate(subscription)}.",
                "Resume it",
                "Leave it paused",
                f"{plan} goes on.",
            )
        case _ if subscription.status == Subscription.Status.PAUSED:
            return Question(
                f"Leave {plan} paused?",
                "Your bank is not asked any more, and nothing is charged.",
                "Leave it paused",
                "Back",
                f"{plan} stays paused.",
            )
        case _:
            return Question(
                f"Keep {plan}?",
                f"The change to another plan is dropped. {next_charge(subscription)}",
                f"Keep {plan}",
                "Let it change",
                f"{plan} stays your plan.",
            )


def next_charge(subscription: Subscription) -> str:
    renews = day(subscription.trial_end or subscription.current_period_end)
    if subscription.status != Subscription.Status.TRIALING:
        renews = day(subscription.current_period_end)
    return f"The next payment, {subscription.money}, is due on {renews}."


def story(event: SubscriptionEvent) -> str:
    """`Changed from Basic ($9.99 per month) to Pro ($24.99 per month)`"""
    currency, kind = event.subscription.currency, Kind(event.kind)
    paused = event.after.get("status") == Subscription.Status.PAUSED
    told = (paused and OF_PAUSED.get(kind)) or STORIES.get(kind)
    if told is None:
        return event.get_kind_display()
    names = {
        "was": offer(event.before, currency),
        "is_": offer(event.after, currency),
        "plan": event.after.get("plan", ""),
        "day": on(next(filter(None, map(event.after.get, DAYS)), None)),
    }
    return told.format(**names)


DAYS = ("from", "until", "ends_at", "access_until")
STORIES = {
    Kind.BEGAN: "{is_} began",
    Kind.PLAN_CHANGED: "Changed from {was} to {is_}",
    Kind.CHANGE_PLANNED: "To change to {is_} on {day}",
    Kind.CHANGE_DROPPED: "The planned change was dropped: {plan} stays",
    Kind.CHANGE_AWAITED: "To change to {is_}, once it is confirmed at the bank",
    Kind.CANCELED: "Canceled, to end on {day}",
    Kind.REACTIVATED: "The cancellation was taken back",
    Kind.PAUSED: "Paused, with access until {day}",
    Kind.RENEWED: "Renewed until {day}",
    Kind.TRIAL_EXTENDED: "The trial was extended to {day}",
    Kind.RESUMED: "Resumed",
    Kind.TRIAL_ENDED: "The trial ended, and the paid time began",
    Kind.PAYMENT_FAILED: "A payment failed",
    Kind.RECOVERED: "The failed payment was made good",
    Kind.ENDED: "Ended",
}
OF_PAUSED = {
    Kind.CHANGE_AWAITED: "To go on, once it is confirmed at the bank",
    Kind.CHANGE_DROPPED: "It was not confirmed at the bank: it stays paused",
}


def who(event: SubscriptionEvent) -> str:
    """For the customer, who is told that staff did it but not which of them."""
    return {By.CUSTOMER: "You", By.STAFF: "Our staff"}.get(By(event.by), "")


def why(event: SubscriptionEvent) -> str:
    code, _, words = event.reason.partition(":")
    if code in FEEDBACK:
        return f"{FEEDBACK[code]}:{words}" if words else FEEDBACK[code]
    return event.reason.replace("_", " ").capitalize() if event.by == By.PROVIDER else event.reason


def offer(told: Mapping[str, Any], currency: str) -> str:
    if "plan" not in told:
        return ""
    per = PER_INTERVAL[Interval(told["interval"])]
    return f"{told['plan']} ({Money(told['amount'], currency)} {per})"


def on(text: str | None) -> str:
    return day(datetime.fromisoformat(text) if text else None)
