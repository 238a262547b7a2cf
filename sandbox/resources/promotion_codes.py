"""Promotion codes: what a customer types in to get a coupon."""

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest, StripeError
from sandbox.webhooks.events import changing, emit
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World


def coupon_of(world: World, promotion_code: Obj) -> Obj:
    return world.get("coupon", promotion_code["promotion"]["coupon"], "coupon")


def usable(world: World, code: Obj, customer: str | None, amount: int, currency: str) -> bool:
    """Whether the code may be used for this purchase now."""
    coupon = world.find("coupon", code["promotion"]["coupon"])
    expires, least = code["expires_at"], code["restrictions"]["minimum_amount"]
    return bool(
        coupon
        and coupon["valid"]
        and code["active"]
        and not (expires and expires <= world.now())
        and not (code["customer"] and code["customer"] != customer)
        and not (least and amount < least)
        and not (coupon["currency"] and coupon["currency"] != currency)
    )


def find_code(world: World, text: str, customer: str | None, amount: int, currency: str) -> Obj:
    """What the customer typed; raises the message that the checkout shows."""
    for code in world.select("promotion_code", active=True):
        if code["code"].lower() == text.strip().lower():
            if usable(world, code, customer, amount, currency):
                return code
            break
    raise StripeError(400, "invalid_request_error", "This code is invalid.", param="promotion_code")


def redeem_code(code: Obj) -> None:
    code["times_redeemed"] += 1
    if code["max_redemptions"] and code["times_redeemed"] >= code["max_redemptions"]:
        code["active"] = False


@operation("POST", "/v1/promotion_codes", "PromotionCodeCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    coupon = world.get("coupon", params["promotion"].get("coupon", ""), "promotion[coupon]")
    text = params.get("code") or random_text(8).upper()
    for other in world.select("promotion_code", active=True):
        if other["code"].lower() == text.lower() and other["customer"] == params.get("customer"):
            raise InvalidRequest(
                f"An active promotion code with `code: {text}` already exists.", "code"
            )
    if params.get("customer"):
        world.get("customer", params["customer"], "customer")
    code = world.create(
        "promotion_code",
        code=text,
        active=params.get("active", True),
        customer=params.get("customer"),
        expires_at=params.get("expires_at"),
        max_redemptions=params.get("max_redemptions"),
        metadata=merged({}, params.get("metadata")),
        promotion={"coupon": coupon["id"], "type": "coupon"},
    )
    restrictions = params.get("restrictions") or {}
    code["restrictions"].update(
        {k: v for k, v in restrictions.items() if k in code["restrictions"]}
    )
    emit(world, "promotion_code.created", code)
    return code


@operation("GET", "/v1/promotion_codes/{id}", "PromotionCodeRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("promotion_code", call.id, "promotion_code", in_url=True)


@operation("POST", "/v1/promotion_codes/{id}", "PromotionCodeUpdateParams")
def update(call: Call) -> Obj:
    code = retrieve(call)
    with changing(call.world, "promotion_code.updated", code):
        if "active" in call.params:
            code["active"] = call.params["active"]
        code["metadata"] = merged(code["metadata"], call.params.get("metadata"))
    return code


@operation("GET", "/v1/promotion_codes", "PromotionCodeListParams")
def list_all(call: Call) -> Obj:
    wanted = call.params.get("code", "").lower()
    coupon = call.params.get("coupon")
    return listed(
        call,
        "promotion_code",
        ("active", "customer"),
        lambda row: (
            (not wanted or row.body["code"].lower() == wanted)
            and (not coupon or row.body["promotion"]["coupon"] == coupon)
        ),
    )
