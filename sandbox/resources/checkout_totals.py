"""What a checkout sells and what it comes to."""

from typing import Any

from sandbox.errors import InvalidRequest
from sandbox.money import MINIMUM, formatted
from sandbox.world.rows import Obj, World

from .prices import make_price


def chosen_prices(world: World, mode: str, wanted: list[dict[str, Any]]) -> list[Obj]:
    """Price and quantity of each line item; raises for what the mode cannot sell."""
    lines = []
    for number, item in enumerate(wanted):
        place = f"line_items[{number}]"
        price = _price(world, item, place)
        quantity = item.get("quantity")
        if quantity is None:
            raise InvalidRequest(
                f"Quantity is required. Add `quantity` to `{place}`", f"{place}[quantity]",
                "parameter_missing",
            )  # fmt: skip
        if quantity < 1:
            raise InvalidRequest(
                "This value must be greater than or equal to 1.", f"{place}[quantity]",
                "parameter_invalid_integer",
            )  # fmt: skip
        if mode == "payment" and price["recurring"]:
            raise InvalidRequest(
                "You specified `payment` mode but passed a recurring price. Either switch to"
                " `subscription` mode or use only one-time prices.",
                place,
            )
        lines.append({"price": price, "quantity": quantity})
    if mode == "subscription" and not any(line["price"]["recurring"] for line in lines):
        raise InvalidRequest(
            "You must provide at least one recurring price in `subscription` mode when using"
            " prices.",
            "line_items",
        )
    if len({line["price"]["currency"] for line in lines}) > 1:
        raise InvalidRequest("All prices of a Checkout Session must have the same currency.",
                             "line_items")  # fmt: skip
    return lines


def _price(world: World, item: dict[str, Any], place: str) -> Obj:
    if data := item.get("price_data"):
        return make_price(world, data, f"{place}[price_data]")
    if not item.get("price"):
        raise InvalidRequest(
            f"You must specify either `price` or `price_data` for `{place}`.", f"{place}[price]",
            "parameter_missing",
        )  # fmt: skip
    price = world.get("price", item["price"], f"{place}[price]")
    if not price["active"]:
        raise InvalidRequest(
            "The price specified is inactive. This field only accepts active prices.",
            f"{place}[price]",
        )
    if not world.get("product", price["product"])["active"]:
        raise InvalidRequest(
            f"Price `{price['id']}` is not available to be purchased because its product is not"
            " active.",
            f"{place}[price]",
        )
    return price


def line_items(world: World, lines: list[Obj], trial: bool) -> list[Obj]:
    """What `/line_items` lists. A trial makes what recurs free for now."""
    items = []
    for line in lines:
        price = line["price"]
        free = trial and price["recurring"]
        amount = 0 if free else price["unit_amount"] * line["quantity"]
        items.append(
            world.new(
                "item",
                price=dict(price),
                quantity=line["quantity"],
                amount_subtotal=amount,
                amount_total=amount,
                amount_discount=0,
                amount_tax=0,
                currency=price["currency"],
                description=world.rows[price["product"]].body["name"],
            )
        )
    return items


def add_up(session: Obj, items: list[Obj], shares: list[int]) -> None:
    """Set the session's totals; `shares` is what a discount takes off each item."""
    for item, share in zip(items, shares, strict=True):
        item["amount_discount"] = share
        item["amount_total"] = item["amount_subtotal"] - share
    subtotal = sum(item["amount_subtotal"] for item in items)
    off = sum(shares)
    session["amount_subtotal"] = subtotal
    session["amount_total"] = subtotal - off
    session["total_details"] = {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0}


def check_total(session: Obj) -> None:
    least = MINIMUM.get(session["currency"], 1)
    if 0 < session["amount_total"] < least:
        raise InvalidRequest(
            "The Checkout Session's total amount must convert to at least 50 cents."
            f" {formatted(session['amount_total'], session['currency'])} is less than"
            f" {formatted(least, session['currency'])}.",
            code="amount_too_small",
        )
