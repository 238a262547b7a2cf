"""Coupons, and how much one takes off."""

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.money import check_currency
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World


def amount_off(coupon: Obj, amount: int, currency: str) -> int:
    """How much of an amount the coupon takes off, rounded to the nearest unit."""
    if coupon["percent_off"] is not None:
        return int(amount * coupon["percent_off"] / 100 + 0.5)
    return min(amount, coupon["amount_off"]) if coupon["currency"] == currency else 0


def check_redeemable(world: World, coupon: Obj, param: str = "coupon") -> None:
    if not coupon["valid"]:
        raise InvalidRequest(f"Coupon {coupon['id']} is expired and cannot be applied.", param)


def redeem(world: World, coupon: Obj) -> None:
    coupon["times_redeemed"] += 1
    most = coupon["max_redemptions"]
    if most and coupon["times_redeemed"] >= most:
        coupon["valid"] = False


@operation("POST", "/v1/coupons", "CouponCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    percent, amount = params.get("percent_off"), params.get("amount_off")
    if (percent is None) == (amount is None):
        raise InvalidRequest(
            "You must pass exactly one of `percent_off` or `amount_off` when creating a coupon."
        )
    if amount is not None and not params.get("currency"):
        raise InvalidRequest("You must pass currency when passing amount_off", "currency")
    if percent is not None and not 0 < percent <= 100:
        raise InvalidRequest("Invalid percent_off: must be between 0 and 100", "percent_off")
    duration = params.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in params):
        raise InvalidRequest(
            "You must pass duration_in_months when, and only when, duration is repeating.",
            "duration_in_months",
        )
    if params.get("id") and world.rows.get(params["id"]):
        raise InvalidRequest("Coupon already exists.", "id", "resource_already_exists")
    coupon = world.create(
        "coupon",
        id=params.get("id"),
        name=params.get("name"),
        percent_off=percent,
        amount_off=amount,
        currency=check_currency(params["currency"]) if amount is not None else None,
        duration=duration,
        duration_in_months=params.get("duration_in_months"),
        max_redemptions=params.get("max_redemptions"),
        redeem_by=params.get("redeem_by"),
        metadata=merged({}, params.get("metadata")),
        valid=True,
    )
    emit(world, "coupon.created", coupon)
    return coupon


@operation("GET", "/v1/coupons/{id}", "CouponRetrieveParams")
def retrieve(call: Call) -> Obj:
    coupon = call.world.get("coupon", call.id, "coupon", in_url=True)
    if coupon["redeem_by"] and coupon["redeem_by"] <= call.world.now():
        coupon["valid"] = False
    return coupon


@operation("POST", "/v1/coupons/{id}", "CouponUpdateParams")
def update(call: Call) -> Obj:
    coupon = retrieve(call)
    with changing(call.world, "coupon.updated", coupon):
        if "name" in call.params:
            coupon["name"] = call.params["name"]
        coupon["metadata"] = merged(coupon["metadata"], call.params.get("metadata"))
    return coupon


@operation("DELETE", "/v1/coupons/{id}", "CouponDeleteParams")
def delete(call: Call) -> Obj:
    coupon = retrieve(call)
    call.world.notes(call.id)["deleted"] = True
    emit(call.world, "coupon.deleted", coupon)
    return {"id": call.id, "object": "coupon", "deleted": True}


@operation("GET", "/v1/coupons", "CouponListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "coupon")
