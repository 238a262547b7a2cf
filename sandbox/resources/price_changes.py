"""Changing a price, which those who are subscribed to it see as well."""

from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing
from sandbox.world.rows import Obj

from .prices import give_lookup_key, retrieve
from .subscription_items import show_price


@operation("POST", "/v1/prices/{id}", "PriceUpdateParams")
def update(call: Call) -> Obj:
    world, params, price = call.world, call.params, retrieve(call)
    if params.get("active") is False:
        product = world.get("product", price["product"])
        if product["default_price"] == price["id"]:
            raise InvalidRequest(
                "This price cannot be archived because it is the default price of its product."
            )
    with changing(world, "price.updated", price):
        for name in ("active", "nickname", "tax_behavior"):
            if name in params:
                price[name] = None if params[name] == "" else params[name]
        price["metadata"] = merged(price["metadata"], params.get("metadata"))
        if params.get("lookup_key") == "":
            price["lookup_key"] = None
        give_lookup_key(world, price, params)
    show_price(world, price)
    return price
