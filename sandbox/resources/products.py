"""Products."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.api.search import searched
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World

_PLAIN = ("active", "name", "description", "url", "unit_label", "statement_descriptor", "tax_code",
          "shippable", "images")  # fmt: skip


def _fields(params: dict[str, Any], old: Obj | None) -> dict[str, Any]:
    fields = {name: params[name] for name in _PLAIN if name in params}
    fields = {name: None if value == "" else value for name, value in fields.items()}
    if "images" in fields:
        fields["images"] = fields["images"] or []
    if "marketing_features" in params:
        fields["marketing_features"] = params["marketing_features"] or []
    fields["metadata"] = merged(old["metadata"] if old else {}, params.get("metadata"))
    return fields


def make_product(world: World, params: dict[str, Any]) -> Obj:
    if params.get("id") and world.rows.get(params["id"]):
        raise InvalidRequest("Product already exists.", "id", "resource_already_exists")
    product = world.create(
        "product", id=params.get("id"), updated=world.now(), **_fields(params, None)
    )
    emit(world, "product.created", product)
    return product


@operation("GET", "/v1/products/{id}", "ProductRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("product", call.id, in_url=True)


@operation("POST", "/v1/products/{id}", "ProductUpdateParams")
def update(call: Call) -> Obj:
    product = retrieve(call)
    if call.params.get("default_price"):
        call.world.get("price", call.params["default_price"], "default_price")
    with changing(call.world, "product.updated", product):
        product.update(_fields(call.params, product), updated=call.world.now())
        if "default_price" in call.params:
            product["default_price"] = call.params["default_price"] or None
    return product


@operation("DELETE", "/v1/products/{id}", "ProductDeleteParams")
def delete(call: Call) -> Obj:
    product = retrieve(call)
    if any(row.body["product"] == call.id for row in call.world.peek("price")):
        raise InvalidRequest(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    call.world.notes(call.id)["deleted"] = True
    emit(call.world, "product.deleted", product)
    return {"id": call.id, "object": "product", "deleted": True}


@operation("GET", "/v1/products", "ProductListParams")
def list_all(call: Call) -> Obj:
    ids = call.params.get("ids")
    return listed(
        call,
        "product",
        ("active", "shippable", "url"),
        lambda row: not ids or row.id in ids,
    )


@operation("GET", "/v1/products/search", "ProductSearchParams")
def search(call: Call) -> Obj:
    return searched(call, "product")
