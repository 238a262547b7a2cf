"""Making a product, perhaps with its first price."""

from sandbox.api.operations import Call, operation
from sandbox.webhooks.events import changing
from sandbox.world.rows import Obj

from .prices import make_price
from .products import make_product


@operation("POST", "/v1/products", "ProductCreateParams")
def create(call: Call) -> Obj:
    product = make_product(call.world, call.params)
    if data := call.params.get("default_price_data"):
        price = make_price(call.world, {**data, "product": product["id"]}, "default_price_data")
        with changing(call.world, "product.updated", product):
            product["default_price"] = price["id"]
    return product
