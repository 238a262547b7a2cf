"""Prices and their lookup keys."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.api.search import searched
from sandbox.errors import InvalidRequest
from sandbox.money import MAXIMUM, check_currency
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World

from .products import make_product

_LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}


def make_price(world: World, params: dict[str, Any], where: str = "") -> Obj:
    """From the parameters of a price, or from a `price_data`, which `where` names."""
    product = _product(world, params, where)
    amount = _amount(params, where)
    recurring = _recurring(params.get("recurring"))
    price = world.new(
        "price",
        # A price made inline is for one use and archived from the start.
        active=params.get("active", not where),
        currency=check_currency(params["currency"]),
        product=product["id"],
        nickname=params.get("nickname"),
        metadata=merged({}, params.get("metadata")),
        tax_behavior=params.get("tax_behavior") or "unspecified",
        recurring=recurring,
        type="recurring" if recurring else "one_time",
        unit_amount=amount,
        unit_amount_decimal=str(params.get("unit_amount_decimal", amount)),
    )
    world.add(price, inline=bool(where))
    give_lookup_key(world, price, params)
    emit(world, "price.created", price)
    return price


def _product(world: World, params: dict[str, Any], where: str) -> Obj:
    place = f"{where}[product]" if where else "product"
    if data := params.get("product_data"):
        return make_product(world, data)
    if not params.get("product"):
        raise InvalidRequest(
            "You must specify either `product` or `product_data` when creating a price.", place
        )
    return world.get("product", params["product"], place)


def _amount(params: dict[str, Any], where: str) -> int | None:
    place = f"{where}[unit_amount]" if where else "unit_amount"
    if params.get("billing_scheme") == "tiered" or params.get("custom_unit_amount"):
        raise InvalidRequest("The sandbox has neither tiers nor amounts chosen by customers.")
    if "unit_amount_decimal" in params and "unit_amount" not in params:
        return int(float(params["unit_amount_decimal"]))
    amount = params.get("unit_amount")
    if amount is None:
        raise InvalidRequest(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.", place,
            "parameter_missing",
        )  # fmt: skip
    if amount < 0:
        raise InvalidRequest(
            "This value must be greater than or equal to 0.", place, "parameter_invalid_integer"
        )
    if amount > MAXIMUM * 10_000:
        raise InvalidRequest("Invalid integer", place, "parameter_invalid_integer")
    return amount


def _recurring(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if not given:
        return None
    count = given.get("interval_count", 1)
    if not 1 <= count <= _LONGEST[given["interval"]]:
        raise InvalidRequest(
            "The maximum number of intervals is three years.", "recurring[interval_count]"
        )
    return {
        "interval": given["interval"],
        "interval_count": count,
        "meter": given.get("meter"),
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": given.get("usage_type", "licensed"),
    }


def give_lookup_key(world: World, price: Obj, params: dict[str, Any]) -> None:
    key = params.get("lookup_key") or None
    if key is None:
        return
    for other in world.select("price", lookup_key=key):
        if other["id"] == price["id"]:
            continue
        if not params.get("transfer_lookup_key"):
            raise InvalidRequest(
                f"A price (`{other['id']}`) already uses that lookup key.", "lookup_key"
            )
        with changing(world, "price.updated", other):
            other["lookup_key"] = None
    price["lookup_key"] = key


@operation("POST", "/v1/prices", "PriceCreateParams")
def create(call: Call) -> Obj:
    return make_price(call.world, call.params)


@operation("GET", "/v1/prices/{id}", "PriceRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("price", call.id, "price", in_url=True)


@operation("GET", "/v1/prices", "PriceListParams")
def list_all(call: Call) -> Obj:
    params = call.params
    keys = params.get("lookup_keys")
    recurring = params.get("recurring") or {}
    if keys and len(keys) > 10:
        raise InvalidRequest("You may specify up to 10 `lookup_keys`.", "lookup_keys")

    def fits(body: Obj) -> bool:
        return (not keys or body["lookup_key"] in keys) and all(
            (body["recurring"] or {}).get(name) == value for name, value in recurring.items()
        )

    # Prices made inline for one checkout are not listed unless asked for by product.
    return listed(
        call,
        "price",
        ("active", "currency", "product", "type"),
        lambda row: fits(row.body) and (not row.notes.get("inline") or "product" in params),
    )


@operation("GET", "/v1/prices/search", "PriceSearchParams")
def search(call: Call) -> Obj:
    return searched(call, "price")
