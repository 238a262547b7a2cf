"""Discounts on a checkout: given by us when it opens, or typed in by the customer."""

from typing import Any

from sandbox.world.rows import Obj, World

from .checkout_totals import add_up
from .coupons import amount_off, check_redeemable
from .promotion_codes import coupon_of, find_code


def apply(world: World, session: Obj, wanted: dict[str, Any]) -> None:
    """Take a coupon or a promotion code off. It is redeemed when the checkout completes."""
    if wanted.get("promotion_code"):
        code = world.get("promotion_code", wanted["promotion_code"], "discounts[0][promotion_code]")
        coupon = coupon_of(world, code)
    else:
        coupon = world.get("coupon", wanted.get("coupon") or "", "discounts[0][coupon]")
    check_redeemable(world, coupon, "discounts[0][coupon]")
    items = world.notes(session["id"])["items"]
    left = None
    if coupon["amount_off"] is not None:
        left = amount_off(coupon, sum(i["amount_subtotal"] for i in items), session["currency"])
    shares = []
    for item in items:
        if left is None:
            shares.append(amount_off(coupon, item["amount_subtotal"], session["currency"]))
        else:
            shares.append(min(left, item["amount_subtotal"]))
            left -= shares[-1]
    add_up(session, items, shares)
    session["discounts"] = [
        {"coupon": wanted.get("coupon"), "promotion_code": wanted.get("promotion_code")}
    ]


def type_in(world: World, session: Obj, text: str) -> None:
    """A promotion code that the customer typed; raises the message that the page shows."""
    amount = session["amount_subtotal"]
    code = find_code(world, text, session["customer"], amount, session["currency"])
    apply(world, session, {"promotion_code": code["id"]})


def remove(world: World, session: Obj) -> None:
    items = world.notes(session["id"])["items"]
    add_up(session, items, [0] * len(items))
    session["discounts"] = []
