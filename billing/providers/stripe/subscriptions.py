"""Changing a subscription at Stripe, and asking what a change would cost.

What asks for money is done only if it is paid (`error_if_incomplete`): a card that is declined
leaves the subscription as it was. Where the bank wants to see its owner, another plan, or the end
of a pause, waits until it is paid (`pending_if_incomplete`). What is planned or waits gives way to
the next wish; Stripe lets nobody cancel a subscription that a schedule is attached to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import stripe

from billing.providers.base import ChangePreview, PreviewLine, SubscriptionWish
from billing.providers.facts import READ, SubscriptionChanged
from billing.providers.stripe.client import ASKS_OWNER, stripe_says
from billing.providers.stripe.reading import instant_or_none
from billing.providers.stripe.subscription_state import subscription_fact
from config.kit.money import Money

# A schedule says what stands ahead; an id alone would not.
TOGETHER = ["schedule"]
# A new period that begins, and is paid, now.
ANEW: dict[str, Any] = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
# What a pause has noted, taken away.
GONE_ON = {"paid_until": "", "resuming": ""}
Client = stripe.StripeClient


def carry_out(wish: SubscriptionWish) -> SubscriptionChanged:
    with stripe_says() as client:
        if wish.awaited_invoice:
            take_back(client, wish)
        if wish.awaited_invoice or wish.act == "keep":
            pause_again(client, wish)
        if wish.schedule_id and wish.act != "switch":
            release(client, wish)
        changed = ACTS[wish.act](client, wish)
        if wish.schedule_id and wish.act == "switch":
            # Not before: where the difference is not paid, what is planned stays planned.
            release(client, wish)
            changed = None
    # A repeated answer tells of the moment of the first; what is so now has to be asked for.
    if changed is None or "Idempotent-Replayed" in headers(changed):
        return read(wish.subscription_id)
    return told(changed)


def read(subscription_id: str) -> SubscriptionChanged:
    with stripe_says() as client:
        return told(client.v1.subscriptions.retrieve(subscription_id, {"expand": TOGETHER}))


def told(subscription: stripe.Subscription) -> SubscriptionChanged:
    """The object does not say when it changed last; the answer says when it was given, by the
    clock that also stamps the events."""
    at = parsedate_to_datetime(headers(subscription)["Date"]).astimezone(UTC)
    fact = subscription_fact(subscription.to_dict(), at, READ)
    assert isinstance(fact, SubscriptionChanged)
    return replace(fact, settled=True)


def headers(subscription: stripe.Subscription) -> Mapping[str, str]:
    assert subscription.last_response is not None
    return subscription.last_response.headers


def take_back(client: Client, wish: SubscriptionWish) -> None:
    """Whose invoice is void does not wait any more."""
    if client.v1.invoices.retrieve(wish.awaited_invoice).status == "open":
        client.v1.invoices.void_invoice(
            wish.awaited_invoice, {}, {"idempotency_key": f"{wish.key}:void"}
        )


# --- the acts -------------------------------------------------------------------------------------
def update(
    client: Client, wish: SubscriptionWish, *, then: str = "", **params: Any
) -> stripe.Subscription:
    ours = {"operation_id": wish.key, **params.pop("metadata", {})}
    return client.v1.subscriptions.update(
        wish.subscription_id,
        {**params, "metadata": ours, "expand": TOGETHER},  # type: ignore[arg-type]
        {"idempotency_key": f"{wish.key}{then}"},
    )


def release(client: Client, wish: SubscriptionWish) -> None:
    schedule = client.v1.subscription_schedules.retrieve(wish.schedule_id)
    if schedule.status in ("active", "not_started"):
        client.v1.subscription_schedules.release(
            wish.schedule_id, {}, {"idempotency_key": f"{wish.key}:release"}
        )


def cancel(client: Client, wish: SubscriptionWish) -> stripe.Subscription:
    return update(client, wish, cancel_at_period_end=True, cancellation_details=said(wish))


def reactivate(client: Client, wish: SubscriptionWish) -> stripe.Subscription:
    """An end by date, as newer billing portals set it, is taken back by another parameter."""
    now = client.v1.subscriptions.retrieve(wish.subscription_id)
    by_date = now.cancel_at is not None and not now.cancel_at_period_end
    taken: dict[str, Any] = {"cancel_at": ""} if by_date else {"cancel_at_period_end": False}
    nothing = {"feedback": "", "comment": ""}
    return update(client, wish, **taken, cancellation_details=nothing)


def end(client: Client, wish: SubscriptionWish) -> stripe.Subscription:
    """Nothing is given back by itself: a refund is a decision of its own."""
    return client.v1.subscriptions.cancel(
        wish.subscription_id,
        {"prorate": False, "cancellation_details": said(wish), "expand": TOGETHER},  # type: ignore[arg-type]
        {"idempotency_key": wish.key},
    )


def pause(client: Client, wish: SubscriptionWish) -> stripe.Subscription:
    """Periods go on at Stripe, and their invoices are void. Until when it was paid is noted there,
    so that whatever event comes first tells it."""
    now = client.v1.subscriptions.retrieve(wish.subscription_id)
    return update(
        client,
        wish,
        pause_collection={"behavior": "void"},
        metadata={"paid_until": str(item_of(now).current_period_end)},
    )


def resume(client: Client, wish: SubscriptionWish) -> stripe.Subscription:
    """Within the time that was paid nothing is due; after it a new period begins and is paid."""
    now = client.v1.subscriptions.retrieve(wish.subscription_id)
    noted = now.to_dict()["metadata"].get("paid_until")
    if now.status == "paused":
        return client.v1.subscriptions.resume(
            wish.subscription_id,
            {"billing_cycle_anchor": "now", "expand": TOGETHER},
            {"idempotency_key": wish.key},
        )
    if item_of(now).current_period_start < int(noted or 0):
        return update(client, wish, pause_collection="", metadata=GONE_ON)
    try:
        return update(
            client,
            wish,
            pause_collection="",
            metadata=GONE_ON,
            **ANEW,
            payment_behavior="error_if_incomplete",
        )
    except stripe.CardError as error:
        if error.code not in ASKS_OWNER:
            raise
    return resume_when_paid(client, wish, now)


def resume_when_paid(
    client: Client, wish: SubscriptionWish, now: stripe.Subscription
) -> stripe.Subscription:
    """No pause can be ended by what waits, and while it lasts each invoice is void. So it is lifted
    first, with a note that all the same nothing has gone on yet."""
    item = {"id": item_of(now).id, "price": item_of(now).price.id}
    update(client, wish, then=":lift", pause_collection="", metadata={"resuming": "yes"})
    try:
        return update(
            client,
            wish,
            then=":confirm",
            items=[item],
            metadata=GONE_ON,
            **ANEW,
            payment_behavior="pending_if_incomplete",
        )
    except (stripe.InvalidRequestError, stripe.CardError):
        pause_again(client, wish)
        raise


def pause_again(client: Client, wish: SubscriptionWish) -> None:
    """Where it was lifted for nothing. A period may have begun since, which is not to be paid."""
    now = client.v1.subscriptions.retrieve(wish.subscription_id, {"expand": ["latest_invoice"]})
    if not now.to_dict()["metadata"].get("resuming") or now.pending_update is not None:
        return
    metadata = {"resuming": ""}
    update(client, wish, then=":pause", pause_collection={"behavior": "void"}, metadata=metadata)
    latest = now.latest_invoice
    if not isinstance(latest, stripe.Invoice) or latest.status not in ("draft", "open"):
        return
    if latest.status == "draft":
        client.v1.invoices.finalize_invoice(
            latest.id, {"auto_advance": False}, {"idempotency_key": f"{wish.key}:finalize"}
        )
    client.v1.invoices.void_invoice(latest.id, {}, {"idempotency_key": f"{wish.key}:void_period"})


def switch(client: Client, wish: SubscriptionWish) -> stripe.Subscription:
    now = client.v1.subscriptions.retrieve(wish.subscription_id)
    item = {"id": item_of(now).id, "price": wish.price_id}
    if now.status == "trialing":
        return update(client, wish, items=[item], proration_behavior="none")
    params: dict[str, Any] = {"items": [item], "proration_behavior": "always_invoice"}
    if wish.counted_from is not None:
        params["proration_date"] = int(wish.counted_from.timestamp())
    try:
        return update(client, wish, **params, payment_behavior="error_if_incomplete")
    except stripe.CardError as error:
        if error.code not in ASKS_OWNER:
            raise
    # Nothing has happened so far. Not at once so, as a declined card would wait as well.
    return update(client, wish, then=":confirm", **params, payment_behavior="pending_if_incomplete")


def plan_switch(client: Client, wish: SubscriptionWish) -> None:
    """The present price until the period ends, then the other one, and no schedule after that."""
    schedule = client.v1.subscription_schedules.create(
        {"from_subscription": wish.subscription_id}, {"idempotency_key": f"{wish.key}:plan"}
    )
    present = schedule.to_dict()["phases"][0]
    item = present["items"][0]
    price = client.v1.prices.retrieve(wish.price_id)
    assert price.recurring is not None
    discounts = [
        {name: value for name, value in discount.items() if isinstance(value, str)}
        for discount in present["discounts"]
    ]
    phases = [
        {
            "start_date": present["start_date"],
            "end_date": present["end_date"],
            "items": [{"price": item["price"], "quantity": item["quantity"]}],
            "discounts": discounts,
        },
        {
            "items": [{"price": wish.price_id, "quantity": item["quantity"]}],
            "duration": {"interval": price.recurring.interval, "interval_count": 1},
            "discounts": discounts,
            "proration_behavior": "none",
        },
    ]
    client.v1.subscription_schedules.update(
        schedule.id,
        {  # type: ignore[arg-type]
            "end_behavior": "release",
            "phases": phases,
            "metadata": {"operation_id": wish.key},
        },
        {"idempotency_key": wish.key},
    )


def keep(client: Client, wish: SubscriptionWish) -> None:
    """Nothing but to drop what is planned or waits, which has happened by now."""


def extend_trial(client: Client, wish: SubscriptionWish) -> stripe.Subscription:
    assert wish.trial_end is not None
    until = int(wish.trial_end.timestamp())
    return update(client, wish, trial_end=until, proration_behavior="none")


ACTS: dict[str, Callable[[Client, SubscriptionWish], stripe.Subscription | None]] = {
    "cancel": cancel,
    "reactivate": reactivate,
    "end": end,
    "pause": pause,
    "resume": resume,
    "switch": switch,
    "plan_switch": plan_switch,
    "keep": keep,
    "extend_trial": extend_trial,
}


def item_of(subscription: stripe.Subscription) -> stripe.SubscriptionItem:
    item: stripe.SubscriptionItem = subscription["items"].data[0]
    return item


def said(wish: SubscriptionWish) -> dict[str, str]:
    words = {"feedback": wish.feedback, "comment": wish.comment}
    return {name: value for name, value in words.items() if value}


# --- what it would cost ---------------------------------------------------------------------------
def preview(subscription_id: str, price_id: str) -> ChangePreview:
    with stripe_says() as client:
        now = client.v1.subscriptions.retrieve(subscription_id)
        invoice = client.v1.invoices.create_preview(
            {
                "subscription": subscription_id,
                "subscription_details": {
                    "items": [{"id": item_of(now).id, "price": price_id}],
                    "proration_behavior": "always_invoice",
                },
            }
        ).to_dict()
    return ChangePreview(
        due=Money(invoice["amount_due"], invoice["currency"]),
        lines=tuple(lines_of(invoice)),
        counted_from=counted_from(invoice),
    )


def lines_of(invoice: Mapping[str, Any]) -> list[PreviewLine]:
    """Those of the invoice, and what else lies between their sum and what is due."""
    lines = [
        PreviewLine(line["description"] or "", line["amount"]) for line in invoice["lines"]["data"]
    ]
    besides = invoice["total"] - sum(line.amount for line in lines)
    credit = invoice["amount_due"] - invoice["total"]
    words = {
        "Discounts and tax": besides,
        "Credit from before" if credit < 0 else "Kept as credit for your next payments": credit,
    }
    return lines + [PreviewLine(text, amount) for text, amount in words.items() if amount]


def counted_from(invoice: Mapping[str, Any]) -> datetime | None:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return instant_or_none(details.get("subscription_proration_date"))
