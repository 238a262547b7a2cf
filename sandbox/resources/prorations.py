"""Changing what a subscription is for in the middle of a period, and paying the difference."""

from datetime import UTC, datetime
from typing import Any

from sandbox.api.metadata import merged
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import emit
from sandbox.world.rows import Obj, World

from .invoice_lines import add_up, described, from_subscription, make_line
from .invoice_making import new_invoice
from .pending_items import bill_pending, make_pending
from .periods import end_after
from .subscription_items import (
    check_together,
    items_of,
    make_item,
    move_periods,
    price_of,
    recurring_of,
    set_price,
    show_items,
)


def change_items(world: World, subscription: Obj, params: dict[str, Any]) -> Obj | None:
    """New prices or quantities; another interval, or `billing_cycle_anchor=now`, starts afresh.

    Returns the draft of what is to be paid now, if anything is.
    """
    behaviour = params.get("proration_behavior", "create_prorations")
    at = params.get("proration_date") or world.now()
    before = [dict(item) for item in items_of(world, subscription)]
    interval = interval_of(subscription)
    apply_items(world, subscription, params.get("items") or [])
    after = items_of(world, subscription)
    if not after:
        raise InvalidRequest("A subscription must have at least one item.", "items")
    check_together([item["price"] for item in after])
    restarts = params.get("billing_cycle_anchor") == "now" or interval_of(subscription) != interval
    if subscription["status"] == "trialing":
        return None
    changed = _differences(before, after)
    if behaviour != "none" and changed:
        _check_date(before, at)
        _prorate(world, subscription, before, after, changed, at, restarts)
    if restarts:
        _restart(world, subscription)
        return _draft_now(world, subscription, whole_period=True)
    if behaviour == "always_invoice" and changed:
        return _draft_now(world, subscription, whole_period=False)
    return None


def _check_date(before: list[Obj], at: int) -> None:
    """Stripe counts to the second, and only within the period that runs."""
    item = before[0]
    if not item["current_period_start"] <= at <= item["current_period_end"]:
        raise InvalidRequest(
            "The proration date must be within the subscription's current billing period.",
            "proration_date",
        )


def interval_of(subscription: Obj) -> tuple[str, int]:
    recurring = recurring_of(subscription)
    return recurring["interval"], recurring["interval_count"]


def apply_items(world: World, subscription: Obj, wanted: list[dict[str, Any]]) -> None:
    items = items_of(world, subscription)
    known = {item["id"]: item for item in items}
    period = (items[0]["current_period_start"], items[0]["current_period_end"])
    for number, change in enumerate(wanted):
        place = f"items[{number}]"
        item = known.get(change.get("id", ""))
        if change.get("id") and item is None:
            raise InvalidRequest(
                f"No such subscription item: '{change['id']}'", f"{place}[id]", "resource_missing"
            )
        if item is None:
            price = price_of(world, change, place)
            if any(other["price"]["id"] == price["id"] for other in items):
                raise InvalidRequest(
                    f"Cannot add multiple subscription items with the same plan: {price['id']}",
                    place,
                )
            items.append(make_item(world, subscription, price, change, period))
        elif change.get("deleted"):
            items.remove(item)
            world.notes(item["id"])["deleted"] = True
        else:
            if any(change.get(name) for name in ("price", "plan", "price_data")):
                set_price(world, item, price_of(world, change, place))
            item["quantity"] = change.get("quantity", item["quantity"])
            item["metadata"] = merged(item["metadata"], change.get("metadata"))
    show_items(world, subscription, items)


def _cost(item: Obj) -> int:
    return (item["price"]["unit_amount"] or 0) * item["quantity"]


def _differences(before: list[Obj], after: list[Obj]) -> list[tuple[Obj | None, Obj | None]]:
    new = {item["id"]: item for item in after}
    pairs: list[tuple[Obj | None, Obj | None]] = [(o, new.pop(o["id"], None)) for o in before]
    pairs += [(None, item) for item in new.values()]
    return [
        (old, item)
        for old, item in pairs
        if not (
            old and item
            and old["price"]["id"] == item["price"]["id"]
            and old["quantity"] == item["quantity"]
        )
    ]  # fmt: skip


def unused_share(item: Obj, at: int) -> float:
    start, end = item["current_period_start"], item["current_period_end"]
    return max(0.0, min(1.0, (end - at) / max(1, end - start)))


def proration(world: World, item: Obj, at: int, credit: bool) -> dict[str, Any]:
    """What the rest of the period is worth, taken back or charged."""
    price = item["price"]
    name = world.rows[price["product"]].body["name"]
    count = f"{item['quantity']} × " if item["quantity"] != 1 else ""
    day = datetime.fromtimestamp(at, UTC).strftime("%d %b %Y").lstrip("0")
    kind = "Unused" if credit else "Remaining"
    amount = int(_cost(item) * unused_share(item, at) + 0.5)
    return {
        "amount": -amount if credit else amount,
        "description": f"{kind} time on {count}{name} after {day}",
        "price": price,
        "quantity": item["quantity"],
        "item": item["id"],
        "period": {"start": at, "end": item["current_period_end"]},
    }


def prorations(
    world: World, changed: list[tuple[Obj | None, Obj | None]], at: int, restarts: bool
) -> list[dict[str, Any]]:
    found = []
    for old, new in changed:
        if old:
            found.append(proration(world, old, at, credit=True))
        if new and not restarts:
            found.append(proration(world, new, at, credit=False))
    return found


def _prorate(
    world: World,
    subscription: Obj,
    before: list[Obj],
    after: list[Obj],
    changed: list[tuple[Obj | None, Obj | None]],
    at: int,
    restarts: bool,
) -> None:
    if restarts:
        changed = [(old, None) for old in before]
    for part in prorations(world, changed, at, restarts):
        item = part.pop("item")
        make_pending(
            world,
            subscription["customer"],
            part.pop("amount"),
            subscription["currency"],
            part.pop("description"),
            proration=True,
            discountable=False,
            parent={
                "subscription_details": {
                    "subscription": subscription["id"],
                    "subscription_item": item,
                },
                "type": "subscription_details",
            },
            **part,
        )


def _restart(world: World, subscription: Obj) -> None:
    now = world.now()
    subscription["billing_cycle_anchor"] = now
    move_periods(world, subscription, now, end_after(now, recurring_of(subscription), now))


def _draft_now(world: World, subscription: Obj, whole_period: bool) -> Obj:
    customer = world.get("customer", subscription["customer"])
    invoice = new_invoice(
        world, customer, subscription["currency"], "subscription_update", subscription
    )
    world.add(invoice)
    bill_pending(world, invoice, subscription["id"])
    for item in subscription["items"]["data"] if whole_period else ():
        make_line(
            world, invoice, amount=_cost(item), price=item["price"], quantity=item["quantity"],
            description=described(world, item["price"], item["quantity"]),
            period=(item["current_period_start"], item["current_period_end"]),
            parent=from_subscription(subscription["id"], item["id"]),
            metadata=subscription["metadata"],
        )  # fmt: skip
    invoice["discounts"] = list(subscription["discounts"])
    add_up(world, invoice)
    subscription["latest_invoice"] = invoice["id"]
    emit(world, "invoice.created", invoice)
    return invoice
