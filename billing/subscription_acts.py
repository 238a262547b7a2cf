"""How each change of a subscription is carried out at its provider, and how one sees whether it
was: by the subscription being as was wished."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from billing.providers.base import SubscriptionWish
from billing.providers.facts import Fact, SubscriptionChanged

KIND = "subscription.move"
FINAL = ("canceled", "incomplete_expired")


def wish_of(operation: Operation) -> SubscriptionWish:
    wishes = operation.wishes
    return SubscriptionWish(
        act=wishes["act"],
        subscription_id=wishes["subscription_id"],
        key=str(operation.pk),
        schedule_id=wishes.get("schedule_id", ""),
        awaited_invoice=wishes.get("awaited_invoice", ""),
        price_id=wishes.get("price_id", ""),
        counted_from=instant(wishes.get("counted_from")),
        trial_end=instant(wishes.get("trial_end")),
        feedback=wishes.get("feedback", ""),
        comment=wishes.get("comment", ""),
    )


def instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def awaited_price(seen: SubscriptionChanged) -> str:
    return seen.awaited.price_id if seen.awaited else ""


Seen = Callable[[SubscriptionWish, SubscriptionChanged], bool]
HAS_HAPPENED: dict[str, Seen] = {
    "cancel": lambda wish, seen: seen.cancel_at_period_end or seen.status in FINAL,
    "reactivate": lambda wish, seen: not seen.cancel_at_period_end and seen.status not in FINAL,
    "end": lambda wish, seen: seen.status in FINAL,
    "pause": lambda wish, seen: seen.status == "paused",
    "resume": lambda wish, seen: seen.status not in ("paused", *FINAL) or seen.awaited is not None,
    "switch": lambda wish, seen: (
        wish.price_id in (seen.price_id, awaited_price(seen)) and not seen.ahead
    ),
    "plan_switch": lambda wish, seen: wish.price_id in [p.price_id for p in seen.ahead or ()],
    "keep": lambda wish, seen: not seen.ahead and seen.awaited is None and not seen.pause_lifted,
    "extend_trial": lambda wish, seen: seen.trial_end == wish.trial_end,
}


@carries_out(KIND)
class MoveSubscription:
    def call(self, operation: Operation) -> Done:
        wish = wish_of(operation)
        fact = get_provider(operation.provider).change_subscription(wish)
        return Done(provider_id=wish.subscription_id, facts=all_told(fact))

    def look_up(self, operation: Operation) -> Done | None:
        wish = wish_of(operation)
        fact = get_provider(operation.provider).read_subscription(wish.subscription_id)
        if not HAS_HAPPENED[wish.act](wish, fact):
            return None
        return Done(provider_id=wish.subscription_id, facts=all_told(fact))


def all_told(fact: SubscriptionChanged) -> tuple[Fact, ...]:
    """Where the customer has to confirm, also what: the page for it is the invoice's."""
    if fact.awaited is None:
        return (fact,)
    return (fact, *get_provider(fact.provider).read_invoice(fact.awaited.invoice_id))
