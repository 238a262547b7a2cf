"""The ends that a subscription can come to."""

from typing import Any

from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World

from .settings import setting

ENDED = ("canceled", "incomplete_expired")


def end_subscription(
    world: World,
    subscription: Obj,
    *,
    reason: str | None = "cancellation_requested",
    details: dict[str, Any] | None = None,
) -> None:
    """Cancel at once. Its drafts are no longer collected."""
    now = world.now()
    known = subscription["cancellation_details"] or {}
    given = details or {}
    subscription.update(
        status="canceled",
        ended_at=now,
        canceled_at=subscription["canceled_at"] or now,
        cancel_at_period_end=False,
        pause_collection=None,
        pending_update=None,
        cancellation_details={
            "comment": given.get("comment") or known.get("comment"),
            "feedback": given.get("feedback") or known.get("feedback"),
            "reason": reason,
        },
    )
    stop_collecting(world, subscription)
    _end_schedule(world, subscription)
    emit(world, "customer.subscription.deleted", subscription)


def _end_schedule(world: World, subscription: Obj) -> None:
    schedule = world.find("subscription_schedule", subscription["schedule"])
    if schedule and schedule["status"] in ("active", "not_started"):
        schedule.update(status="canceled", canceled_at=world.now(), current_phase=None)
        emit(world, "subscription_schedule.canceled", schedule)


def stop_collecting(world: World, subscription: Obj) -> None:
    for row in list(world.peek("invoice")):
        details = (row.body["parent"] or {}).get("subscription_details") or {}
        mine = details.get("subscription") == subscription["id"]
        if mine and row.body["status"] in ("draft", "open"):
            world.body(row.id).update(auto_advance=False, next_payment_attempt=None)


def after_last_retry(world: World, subscription: Obj) -> None:
    """What the account's settings say: end it (the default), or keep it as unpaid."""
    wanted = setting(world, "after_retries")
    if wanted == "cancel":
        end_subscription(world, subscription, reason="payment_failed")
    elif wanted == "unpaid":
        with changing(world, "customer.subscription.updated", subscription):
            subscription["status"] = "unpaid"
