"""Changing a subscription: who may, from which state, and what it comes to. The provider does it,
and its word is what counts; nothing here writes a subscription's row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import moves
from billing.models import Subscription
from billing.moves import Move, MoveRefused
from billing.operations import outgoing
from billing.operations.keys import KEY_LIFETIME, KeyReused
from billing.operations.models import Operation
from billing.subscription_acts import KIND
from billing.subscriptions import TOGETHER
from sessions_live.models import User

# The reasons that people choose from are those that the providers keep statistics of.
FEEDBACK = {
    "too_expensive": "It is too expensive",
    "missing_features": "Something is missing",
    "switched_service": "I use something else now",
    "unused": "I do not use it enough",
    "customer_service": "I was not served well",
    "too_complex": "It is too complicated",
    "low_quality": "It does not work well",
    "other": "Another reason",
}
LONGEST_TRIAL = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, by which door, and under which key. `by` is customer, staff or platform."""

    user: User | None
    by: str = "customer"
    reason: str = ""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A move, what was said to ask for it, and what the call is made of besides."""

    move: Move
    asked: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


Choose = Callable[[Subscription | None], Wish]


def cancel(owner: User, asking: Asking, *, at_period_end: bool = True) -> Subscription:
    """Raises MoveRefused, UnderWay, KeyReused, ProviderError, as all of these do."""
    move = Move.CANCEL if at_period_end else Move.END
    return make_move(owner, asking, Wish(move, details=reason_for_provider(asking.reason)))


def reactivate(owner: User, asking: Asking) -> Subscription:
    return make_move(owner, asking, Wish(Move.REACTIVATE))


def pause(owner: User, asking: Asking) -> Subscription:
    return make_move(owner, asking, Wish(Move.PAUSE))


def resume(owner: User, asking: Asking) -> Subscription:
    return make_move(owner, asking, Wish(Move.RESUME))


def keep_plan(owner: User, asking: Asking) -> Subscription:
    return make_move(owner, asking, Wish(Move.KEEP))


def extend_trial(owner: User, asking: Asking, *, until: datetime) -> Subscription:
    def choose(subscription: Subscription | None) -> Wish:
        moves.refuse(subscription, Move.EXTEND_TRIAL)
        assert subscription is not None
        assert subscription.trial_end is not None
        if not subscription.trial_end < until <= subscription.trial_end + LONGEST_TRIAL:
            raise MoveRefused("A trial is extended to a later day, by a year at most.")
        told = until.isoformat()
        return Wish(Move.EXTEND_TRIAL, {"until": told}, {"trial_end": told})

    return make_chosen_move(owner, asking, choose, asked={"until": until.isoformat()})


def reason_for_provider(reason: str) -> dict[str, str]:
    """`too_expensive`, any words, or `too_expensive: any words`."""
    code, _, words = reason.partition(":")
    if code in FEEDBACK:
        return {"feedback": code, "comment": words.strip()}
    return {"comment": reason}


def make_move(owner: User, asking: Asking, wish: Wish) -> Subscription:
    return make_chosen_move(owner, asking, lambda _: wish, asked=wish.asked, move=wish.move)


def make_chosen_move(
    owner: User,
    asking: Asking,
    choose: Choose,
    *,
    asked: dict[str, Any],
    move: Move | None = None,
) -> Subscription:
    """The wish is chosen and judged under the lock of the row, committed, and then carried out."""
    said = {"to": str(move or "change"), "of": owner.pk, "reason": asking.reason, **asked}
    operation = asked_before(asking, said)
    if operation is None:
        with transaction.atomic():
            subscription = lock_current(owner)
            wish = choose(subscription)
            moves.refuse(subscription, wish.move)
            assert subscription is not None
            operation = outgoing.request(
                kind=KIND,
                provider=subscription.provider,
                subject=subject_of(subscription),
                wishes=wishes_of(subscription, wish, asking, said),
                user=asking.user,
                idempotency_key=asking.key,
            )
    outgoing.submit(operation)
    return Subscription.objects.select_related(*TOGETHER).get(
        provider=operation.provider, provider_id=operation.wishes["subscription_id"]
    )


def asked_before(asking: Asking, said: dict[str, Any]) -> Operation | None:
    """What this key stood for. Its answer is given again, whatever the state is by now. Raises
    KeyReused."""
    if asking.key is None or asking.user is None:
        return None
    found = Operation.objects.filter(
        user=asking.user,
        idempotency_key=asking.key,
        created_at__gt=timezone.now() - KEY_LIFETIME,
    ).first()
    if found is not None and found.wishes.get("said") != said:
        raise KeyReused()
    return found


def lock_current(owner: User) -> Subscription | None:
    """Must run inside a transaction."""
    rows = (
        Subscription.objects.select_related(*TOGETHER)
        .select_for_update(of=("self",))
        .filter(user=owner, duplicate=False)
    )
    return rows.live().first() or rows.order_by("-created_at").first()


def subject_of(subscription: Subscription) -> str:
    return f"subscription:{subscription.pk}"


def wishes_of(
    subscription: Subscription, wish: Wish, asking: Asking, said: dict[str, Any]
) -> dict[str, Any]:
    return {
        **wish.details,
        "act": str(wish.move),
        "subscription_id": subscription.provider_id,
        "schedule_id": subscription.schedule_id,
        "awaited_invoice": subscription.awaited_invoice,
        "by": asking.by,
        "reason": asking.reason,
        "said": said,
    }
