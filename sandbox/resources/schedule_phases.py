"""The phases of a subscription schedule, and going from one to the next."""

from typing import Any

from sandbox.api.metadata import merged
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World

from .discounts import make_discount
from .periods import later
from .prorations import apply_items, change_items, interval_of
from .subscription_end import end_subscription
from .subscription_items import items_of, period_end, price_of


def make_phase(world: World, wanted: dict[str, Any], start: int, place: str) -> Obj:
    """One phase from the parameters, beginning at an instant."""
    prices = [
        price_of(world, item, f"{place}[items][{n}]") for n, item in enumerate(wanted["items"])
    ]
    end = wanted.get("end_date")
    if end is None:
        duration = wanted.get("duration") or prices[0]["recurring"]
        end = later(start, {"interval_count": 1, **duration})
    if end == "now" or end <= start:
        raise InvalidRequest("The end of a phase must come after its start.", f"{place}[end_date]")
    items = [_phase_item(price, item) for price, item in zip(prices, wanted["items"], strict=True)]
    discounts = [_discount(item) for item in wanted.get("discounts") or []]
    return _phase(
        start, end, prices[0]["currency"], items,
        proration_behavior=wanted.get("proration_behavior", "create_prorations"),
        metadata=merged({}, wanted.get("metadata")), discounts=discounts,
    )  # fmt: skip


def _discount(item: dict[str, Any]) -> Obj:
    names = ("coupon", "discount", "promotion_code")
    return {**{name: item.get(name) for name in names}, "discount_end": None}


def _phase_item(price: Obj, item: dict[str, Any]) -> Obj:
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": merged({}, item.get("metadata")),
        "plan": price["id"],
        "price": price["id"],
        "quantity": item.get("quantity", 1),
        "tax_rates": [],
    }


def _phase(start: int, end: int, currency: str, items: list[Obj], **fields: Any) -> Obj:
    return {
        "add_invoice_items": [], "application_fee_percent": None, "automatic_tax": None,
        "billing_cycle_anchor": None, "billing_thresholds": None, "collection_method": None,
        "currency": currency, "default_payment_method": None, "default_tax_rates": [],
        "description": None, "discounts": [], "end_date": end, "invoice_settings": None,
        "items": items, "metadata": {}, "on_behalf_of": None,
        "proration_behavior": "create_prorations", "start_date": start, "transfer_data": None,
        "trial_end": None, **fields,
    }  # fmt: skip


def phase_of_subscription(subscription: Obj) -> Obj:
    """What the subscription is for now, as a phase that lasts as long as its period."""
    items = subscription["items"]["data"]
    start = items[0]["current_period_start"]
    shown = [_phase_item(item["price"], item) for item in items]
    return _phase(start, period_end(subscription), subscription["currency"], shown)


def enter_due_phase(world: World, subscription: Obj) -> None:
    """Go on to the next phase if the present one is over. Safe to call at any time."""
    schedule = world.find("subscription_schedule", subscription["schedule"])
    current = schedule and schedule["current_phase"]
    if not schedule or not current or current["end_date"] > world.now():
        return
    following = [p for p in schedule["phases"] if p["start_date"] >= current["end_date"]]
    if following:
        enter_phase(world, schedule, subscription, following[0])
    elif schedule["end_behavior"] == "cancel":
        schedule.update(status="completed", completed_at=world.now(), current_phase=None)
        emit(world, "subscription_schedule.completed", schedule)
        end_subscription(world, subscription, reason=None)
    else:
        release(world, schedule)


def enter_phase(world: World, schedule: Obj, subscription: Obj, phase: Obj) -> None:
    with changing(world, "subscription_schedule.updated", schedule):
        schedule["current_phase"] = {
            "start_date": phase["start_date"], "end_date": phase["end_date"],
        }  # fmt: skip
    with changing(world, "customer.subscription.updated", subscription):
        _take_items(world, subscription, phase)
        subscription["metadata"] = merged(subscription["metadata"], phase["metadata"] or None)
        if phase["discounts"]:
            subscription["discounts"] = [
                make_discount(
                    world,
                    {name: value for name, value in wanted.items() if value},
                    subscription["customer"],
                    subscription["currency"],
                    subscription=subscription["id"],
                )["id"]
                for wanted in phase["discounts"]
            ]


def _take_items(world: World, subscription: Obj, phase: Obj) -> None:
    known = items_of(world, subscription)
    wanted: list[dict[str, Any]] = []
    for number, item in enumerate(phase["items"]):
        change = {"price": item["price"], "quantity": item["quantity"], "archived": True}
        if number < len(known):
            change["id"] = known[number]["id"]
        wanted.append(change)
    wanted += [{"id": item["id"], "deleted": True} for item in known[len(phase["items"]) :]]
    if period_end(subscription) <= world.now():
        # The period is over anyway: the renewal that follows bills the new items in full.
        interval = interval_of(subscription)
        apply_items(world, subscription, wanted)
        if interval_of(subscription) != interval:
            subscription["billing_cycle_anchor"] = world.now()
        return
    behaviour = phase["proration_behavior"]
    change_items(world, subscription, {"items": wanted, "proration_behavior": behaviour})


def release(world: World, schedule: Obj) -> None:
    """Let the subscription go on by itself."""
    subscription = world.find("subscription", schedule["subscription"])
    schedule.update(
        status="released",
        released_at=world.now(),
        released_subscription=schedule["subscription"],
        subscription=None,
        current_phase=None,
    )
    emit(world, "subscription_schedule.released", schedule)
    if subscription:
        with changing(world, "customer.subscription.updated", subscription):
            subscription["schedule"] = None
