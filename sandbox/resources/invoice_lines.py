"""The lines of an invoice, and what they add up to."""

from typing import Any

from sandbox.money import formatted
from sandbox.world.rows import Obj, World

from .discounts import shares


def make_line(
    world: World,
    invoice: Obj,
    *,
    amount: int,
    description: str | None,
    price: Obj | None,
    quantity: int,
    period: tuple[int, int],
    parent: dict[str, Any],
    proration: bool = False,
    metadata: dict[str, str] | None = None,
) -> Obj:
    line = world.new(
        "line_item",
        amount=amount,
        subtotal=amount,
        currency=invoice["currency"],
        description=description,
        discountable=not proration,
        invoice=invoice["id"],
        quantity=quantity,
        quantity_decimal=str(quantity),
        period={"start": period[0], "end": period[1]},
        parent=parent,
        metadata=dict(metadata or {}),
    )
    if price:
        line["pricing"] = {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": None if proration else price["unit_amount_decimal"],
        }
    line.update(discounts=[], discount_amounts=[], pretax_credit_amounts=[], taxes=[])
    invoice["lines"]["data"].append(line)
    return line


def from_subscription(
    subscription: str, item: str | None, proration: bool = False, invoice_item: str | None = None
) -> dict[str, Any]:
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": invoice_item,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": subscription,
            "subscription_item": item or "",
        },
        "type": "subscription_item_details",
    }


def from_invoice_item(invoice_item: str) -> dict[str, Any]:
    return {
        "invoice_item_details": {
            "invoice_item": invoice_item,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": None,
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }


def described(world: World, price: Obj, quantity: int) -> str:
    """`1 × Pro (at $20.00 / month)`"""
    name = world.rows[price["product"]].body["name"]
    amount = formatted(price["unit_amount"] or 0, price["currency"])
    every = ""
    if recurring := price["recurring"]:
        count = recurring["interval_count"]
        interval = recurring["interval"]
        every = f" / {interval}" if count == 1 else f" / every {count} {interval}s"
    return f"{quantity} × {name} (at {amount}{every})"


def add_up(world: World, invoice: Obj) -> None:
    """Set the totals from the lines and the discounts."""
    lines = invoice["lines"]["data"]
    subtotal = sum(line["amount"] for line in lines)
    discountable = [line for line in lines if line["discountable"]]
    for line in lines:
        line["discount_amounts"] = []
    total_amounts = []
    for id_ in invoice["discounts"]:
        discount = world.rows[id_].body
        amounts = [
            line["amount"] - sum(d["amount"] for d in line["discount_amounts"])
            for line in discountable
        ]
        taken = shares(world, discount, amounts, invoice["currency"])
        for line, share in zip(discountable, taken, strict=True):
            line["discount_amounts"].append({"amount": share, "discount": id_})
        total_amounts.append({"amount": sum(taken), "discount": id_})
    total = subtotal - sum(item["amount"] for item in total_amounts)
    invoice["lines"]["total_count"] = len(lines)
    invoice.update(
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal,
        total=total,
        total_excluding_tax=total,
        total_discount_amounts=total_amounts,
        amount_due=max(total, 0),
        amount_remaining=max(total, 0),
    )
