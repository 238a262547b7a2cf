"""Discounts: a coupon at work on a subscription or an invoice."""

import calendar
from datetime import UTC, datetime
from typing import Any

from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import emit
from sandbox.world.rows import Obj, World

from .coupons import amount_off, check_redeemable, redeem
from .promotion_codes import redeem_code, usable


def months_later(at: int, months: int) -> int:
    """The same day and time some months on, or that month's last day."""
    day = datetime.fromtimestamp(at, UTC)
    index = day.month - 1 + months
    year, month = day.year + index // 12, index % 12 + 1
    last = calendar.monthrange(year, month)[1]
    return int(day.replace(year=year, month=month, day=min(day.day, last)).timestamp())


def make_discount(
    world: World, wanted: dict[str, Any], customer: str, currency: str, **place: Any
) -> Obj:
    """From `{"coupon": …}`, `{"promotion_code": …}` or `{"discount": …}`."""
    if wanted.get("discount"):
        return world.get("discount", wanted["discount"], "discounts[0][discount]")
    code = None
    coupon_id = wanted.get("coupon")
    if wanted.get("promotion_code"):
        param = "discounts[0][promotion_code]"
        code = world.get("promotion_code", wanted["promotion_code"], param)
        if not usable(world, code, customer, 10**9, currency):
            raise InvalidRequest("This promotion code cannot be redeemed.", param)
        coupon_id = code["promotion"]["coupon"]
    coupon = world.get("coupon", coupon_id or "", "discounts[0][coupon]")
    check_redeemable(world, coupon, "discounts[0][coupon]")
    redeem(world, coupon)
    if code:
        redeem_code(code)
    months = coupon["duration_in_months"]
    discount = world.create(
        "discount",
        customer=customer,
        promotion_code=code["id"] if code else None,
        source={"coupon": coupon["id"], "type": "coupon"},
        start=world.now(),
        end=months_later(world.now(), months) if months else None,
        **place,
    )
    emit(world, "customer.discount.created", discount)
    return discount


def coupon_of(world: World, discount: Obj) -> Obj:
    # A deleted coupon goes on working where it was applied.
    return world.rows[discount["source"]["coupon"]].body


def shares(world: World, discount: Obj, amounts: list[int], currency: str) -> list[int]:
    """How much of each amount the discount takes; a fixed sum is spread from the first on."""
    coupon = coupon_of(world, discount)
    if coupon["percent_off"] is not None:
        return [amount_off(coupon, max(amount, 0), currency) for amount in amounts]
    left = amount_off(coupon, sum(amounts), currency)
    taken = []
    for amount in amounts:
        share = min(max(amount, 0), left)
        left -= share
        taken.append(share)
    return taken


def still_running(world: World, discount: Obj) -> bool:
    ended = discount["end"] is not None and discount["end"] <= world.now()
    return not ended and not world.rows[discount["id"]].notes.get("spent")


def spend(world: World, discount: Obj) -> None:
    """A coupon of duration `once` is used up by the first invoice."""
    if coupon_of(world, discount)["duration"] == "once":
        world.notes(discount["id"])["spent"] = True
