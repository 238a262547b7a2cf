"""Changing a subscription that runs."""

from typing import Any

from sandbox.api.metadata import merged
from sandbox.errors import InvalidRequest, StripeError
from sandbox.webhooks.events import changing
from sandbox.world.rows import Obj, World

from .customers import not_of_customer
from .discounts import make_discount
from .invoice_collection import collect
from .invoice_making import finalize
from .pending_updates import as_it_is, check, discard, put_back, wait_for
from .prorations import change_items
from .subscription_cycle import end_trial
from .subscription_end import ENDED
from .subscription_items import items_of, period_end, show_items

_ALLOWED_WHEN_ENDED = {"metadata", "cancellation_details"}


def change(world: World, subscription: Obj, params: dict[str, Any]) -> Obj:
    """Apply the parameters of an update. One event tells of all of it."""
    if subscription["status"] in ENDED and params.keys() - _ALLOWED_WHEN_ENDED:
        raise InvalidRequest(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="resource_missing",
        )
    waits = params.get("payment_behavior") == "pending_if_incomplete"
    return (_change_when_paid if waits else _change_now)(world, subscription, params)


def _change_now(world: World, subscription: Obj, params: dict[str, Any]) -> Obj:
    invoice = None
    with changing(world, "customer.subscription.updated", subscription):
        _plain(world, subscription, params)
        _end(world, subscription, params)
        if "pause_collection" in params:
            _pause(subscription, params["pause_collection"])
        if "trial_end" in params:
            _trial(world, subscription, params["trial_end"])
        if "discounts" in params:
            _discounts(world, subscription, params["discounts"] or [])
        if params.get("items") or params.get("billing_cycle_anchor") == "now":
            invoice = change_items(world, subscription, params)
    if invoice:
        _pay(world, invoice, params)
    if params.get("trial_end") == "now" and subscription["status"] == "trialing":
        end_trial(world, subscription)
    return subscription


def _change_when_paid(world: World, subscription: Obj, params: dict[str, Any]) -> Obj:
    check(subscription, params)
    discard(world, subscription)
    with changing(world, "customer.subscription.updated", subscription):
        before = as_it_is(world, subscription)
        invoice = change_items(world, subscription, params)
        metadata = merged(subscription["metadata"], params.get("metadata"))
        after = as_it_is(world, subscription)
        if invoice is not None:
            put_back(world, subscription, before)
            # It is not tried again by itself, and the subscription owes nothing for it.
            world.notes(invoice["id"])["change_waits"] = True
            finalize(world, invoice)
            if invoice["status"] == "open":
                collect(world, invoice)
        if invoice is None or invoice["status"] == "paid":
            put_back(world, subscription, after)
            subscription["metadata"] = metadata
        else:
            restarts = after[0]["billing_cycle_anchor"] != subscription["billing_cycle_anchor"]
            wanted = {
                "billing_cycle_anchor": after[0]["billing_cycle_anchor"] if restarts else None,
                "metadata": params.get("metadata") or None,
                "subscription_items": after[1],
            }
            wait_for(world, subscription, invoice, wanted)
    return subscription


def _pay(world: World, invoice: Obj, params: dict[str, Any]) -> None:
    finalize(world, invoice)
    behaviour = params.get("payment_behavior", "allow_incomplete")
    if invoice["status"] != "open" or behaviour == "default_incomplete":
        return
    decline = collect(world, invoice)
    if behaviour == "error_if_incomplete" and invoice["status"] != "paid":
        decline = decline or _asks_owner()
        decline.keeps_changes = False
        raise decline


def _asks_owner() -> StripeError:
    return StripeError(
        402,
        "card_error",
        "Payment for this subscription requires additional user action before it can be completed"
        " successfully. Payment can be completed using the PaymentIntent associated with"
        " `subscription.latest_invoice`.",
        code="subscription_payment_intent_requires_action",
    )


def _plain(world: World, subscription: Obj, params: dict[str, Any]) -> None:
    subscription["metadata"] = merged(subscription["metadata"], params.get("metadata"))
    for name in ("description", "days_until_due", "collection_method"):
        if name in params:
            subscription[name] = params[name] or None
    _default_method(world, subscription, params)
    if "automatic_tax" in params:
        subscription["automatic_tax"]["enabled"] = params["automatic_tax"]["enabled"]
    if trial := (params.get("trial_settings") or {}).get("end_behavior"):
        subscription["trial_settings"] = {"end_behavior": dict(trial)}
    saved = (params.get("payment_settings") or {}).get("save_default_payment_method")
    if saved:
        subscription["payment_settings"]["save_default_payment_method"] = saved


def _default_method(world: World, subscription: Obj, params: dict[str, Any]) -> None:
    if "default_payment_method" in params:
        id_ = params["default_payment_method"] or None
        if id_:
            method = world.get("payment_method", id_, "default_payment_method")
            if method["customer"] != subscription["customer"]:
                raise not_of_customer(id_)
        subscription["default_payment_method"] = id_


def _end(world: World, subscription: Obj, params: dict[str, Any]) -> None:
    at_end, at = params.get("cancel_at_period_end"), params.get("cancel_at")
    if at_end and at:
        raise InvalidRequest("You may only specify one of `cancel_at` and `cancel_at_period_end`.")
    if subscription["schedule"] and (at_end is not None or at is not None):
        raise InvalidRequest(
            "The subscription is managed by the subscription schedule"
            f" `{subscription['schedule']}`, and updating any cancelation behavior directly is not"
            " allowed. Please update the schedule instead.",
            "cancel_at_period_end" if at_end is not None else "cancel_at",
        )
    details = dict(subscription["cancellation_details"] or {})
    if at_end is not None:
        subscription["cancel_at_period_end"] = at_end
        subscription["cancel_at"] = period_end(subscription) if at_end else None
    elif at is not None:
        subscription["cancel_at_period_end"] = False
        subscription["cancel_at"] = at if isinstance(at, int) else None
        if at in ("min_period_end", "max_period_end"):
            subscription["cancel_at"] = period_end(subscription)
    if at_end is not None or at is not None:
        ends = subscription["cancel_at"] is not None
        subscription["canceled_at"] = world.now() if ends else None
        details["reason"] = "cancellation_requested" if ends else None
    for name, value in (params.get("cancellation_details") or {}).items():
        details[name] = value or None
    subscription["cancellation_details"] = details


def _pause(subscription: Obj, wanted: Any) -> None:
    subscription["pause_collection"] = (
        {"behavior": wanted["behavior"], "resumes_at": wanted.get("resumes_at")} if wanted else None
    )


def _trial(world: World, subscription: Obj, end: Any) -> None:
    now = world.now()
    if end == "now":
        if subscription["status"] == "trialing":
            subscription["trial_end"] = now
            _move_end(world, subscription, now)
        return
    if end <= now:
        raise InvalidRequest(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end"
        )
    subscription.update(trial_end=end, status="trialing", billing_cycle_anchor=end)
    subscription["trial_start"] = subscription["trial_start"] or now
    _move_end(world, subscription, end)


def _move_end(world: World, subscription: Obj, end: int) -> None:
    subscription["billing_cycle_anchor"] = end
    items = items_of(world, subscription)
    for item in items:
        item["current_period_end"] = end
    show_items(world, subscription, items)


def _discounts(world: World, subscription: Obj, wanted: list[dict[str, Any]]) -> None:
    place = {"subscription": subscription["id"]}
    subscription["discounts"] = [
        make_discount(world, item, subscription["customer"], subscription["currency"], **place)[
            "id"
        ]
        for item in wanted
    ]
