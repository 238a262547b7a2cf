"""Subscription items: which prices a subscription is for, and for which period."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.world.rows import Obj, World

from .periods import later
from .prices import make_price


def price_of(world: World, wanted: dict[str, Any], place: str) -> Obj:
    """The recurring, active price that an item asks for."""
    if data := wanted.get("price_data"):
        return make_price(world, data, f"{place}[price_data]")
    id_ = wanted.get("price") or wanted.get("plan")
    if not id_:
        raise InvalidRequest(f"Missing required param: {place}[price].", f"{place}[price]",
                             "parameter_missing")  # fmt: skip
    price = world.get("price", id_, f"{place}[price]")
    if not price["active"] and not wanted.get("archived"):
        raise InvalidRequest(
            "The price specified is inactive. This field only accepts active prices.",
            f"{place}[price]",
        )
    if not price["recurring"]:
        raise InvalidRequest(
            "The price specified is set to `type=one_time` but this field only accepts prices with"
            " `type=recurring`.",
            f"{place}[price]",
        )
    return price


def check_together(prices: list[Obj]) -> None:
    if len({price["currency"] for price in prices}) > 1:
        raise InvalidRequest(
            "The price specified only supports some currencies: all prices of a subscription must"
            " have the same currency.",
            "items",
        )
    intervals = {(p["recurring"]["interval"], p["recurring"]["interval_count"]) for p in prices}
    if len(intervals) > 1:
        raise InvalidRequest(
            "Currently, all prices on a subscription must have the same `recurring.interval` and"
            " `recurring.interval_count`.",
            "items",
        )


def make_item(
    world: World, subscription: Obj, price: Obj, wanted: dict[str, Any], period: tuple[int, int]
) -> Obj:
    return world.create(
        "subscription_item",
        price=dict(price),
        plan=plan_of(world, price),
        quantity=wanted.get("quantity", 1),
        subscription=subscription["id"],
        metadata=merged({}, wanted.get("metadata")),
        current_period_start=period[0],
        current_period_end=period[1],
        discounts=[],
        tax_rates=[],
    )


def set_price(world: World, item: Obj, price: Obj) -> None:
    item["price"], item["plan"] = dict(price), plan_of(world, price)


def plan_of(world: World, price: Obj) -> Obj:
    """The price in the words of the older API, which items still carry."""
    recurring = price["recurring"]
    return world.new(
        "plan",
        id=price["id"],
        active=price["active"],
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        billing_scheme=price["billing_scheme"],
        created=price["created"],
        currency=price["currency"],
        interval=recurring["interval"],
        interval_count=recurring["interval_count"],
        meter=recurring["meter"],
        metadata=dict(price["metadata"]),
        nickname=price["nickname"],
        product=price["product"],
        trial_period_days=recurring["trial_period_days"],
        usage_type=recurring["usage_type"],
    )


def show_price(world: World, price: Obj) -> None:
    """A price that changed is shown as it is now by what is subscribed to it."""
    for row in list(world.peek("subscription_item")):
        if row.body["price"]["id"] == price["id"]:
            set_price(world, world.body(row.id), price)
            subscription = world.get("subscription", row.body["subscription"])
            show_items(world, subscription, items_of(world, subscription))


def items_of(world: World, subscription: Obj) -> list[Obj]:
    """The live rows, as opposed to the copies that the subscription shows."""
    return [world.body(item["id"]) for item in subscription["items"]["data"]]


def show_items(world: World, subscription: Obj, items: list[Obj]) -> None:
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    subscription["items"] = {
        "object": "list",
        "data": [dict(item) for item in items],
        "has_more": False,
        "total_count": len(items),
        "url": url,
    }


def move_periods(world: World, subscription: Obj, start: int, end: int) -> None:
    items = items_of(world, subscription)
    for item in items:
        item.update(current_period_start=start, current_period_end=end)
    show_items(world, subscription, items)


def recurring_of(subscription: Obj) -> dict[str, Any]:
    return subscription["items"]["data"][0]["price"]["recurring"]


def period_end(subscription: Obj) -> int:
    return subscription["items"]["data"][0]["current_period_end"]


def next_end(subscription: Obj, at: int) -> int:
    return later(at, recurring_of(subscription))


@operation("GET", "/v1/subscription_items", "SubscriptionItemListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "subscription_item", ("subscription",))


@operation("GET", "/v1/subscription_items/{id}", "SubscriptionItemRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("subscription_item", call.id, in_url=True)
