"""Customers."""

from typing import Any

from sandbox.api.expand import extra
from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.api.search import searched
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing, emit
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World

from .addresses import check_email
from .payment_methods import attach, card_of, declined_card, method_for
from .subscription_end import end_subscription

_PLAIN = ("description", "email", "name", "phone", "address", "shipping", "tax_exempt", "balance")


def make_customer(world: World, **fields: Any) -> Obj:
    customer = world.new("customer", **fields)
    customer["invoice_prefix"] = random_text(8).upper()
    world.add(customer)
    emit(world, "customer.created", customer)
    return customer


def _address(given: Any) -> Any:
    if not given:
        return None
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: given.get(name) or None for name in names}


def _fields(params: dict[str, Any], customer: Obj | None = None) -> dict[str, Any]:
    check_email(params.get("email"))
    fields = {name: params[name] or None for name in _PLAIN if name in params}
    if "balance" in params:
        fields["balance"] = params["balance"]
    if "tax_exempt" in params:
        fields["tax_exempt"] = params["tax_exempt"] or "none"
    if "address" in params:
        fields["address"] = _address(params["address"])
    if params.get("shipping"):
        given = params["shipping"]
        fields["shipping"] = {
            "address": _address(given["address"]),
            "name": given.get("name"),
            "phone": given.get("phone"),
        }
    if "preferred_locales" in params:
        fields["preferred_locales"] = params["preferred_locales"]
    fields["metadata"] = merged(customer["metadata"] if customer else {}, params.get("metadata"))
    return fields


def _set_default_method(world: World, customer: Obj, params: dict[str, Any]) -> None:
    settings = params.get("invoice_settings") or {}
    if "default_payment_method" in settings:
        id_ = settings["default_payment_method"] or None
        if id_:
            method = world.get("payment_method", id_, "invoice_settings[default_payment_method]")
            if method["customer"] != customer["id"]:
                raise not_of_customer(id_)
        customer["invoice_settings"]["default_payment_method"] = id_
    if "footer" in settings:
        customer["invoice_settings"]["footer"] = settings["footer"] or None


def not_of_customer(method: str) -> InvalidRequest:
    return InvalidRequest(
        f"The customer does not have a payment method with the ID {method}. The payment method must"
        " be attached to the customer.",
        "payment_method",
        "resource_missing",
    )


@extra("customer", "tax")
def tax_of(world: World, customer: Obj) -> Obj:
    return {
        "automatic_tax": "unrecognized_location",
        "ip_address": None,
        "location": None,
        "provider": "stripe",
    }


@extra("customer", "invoice_credit_balance")
def credit_of(world: World, customer: Obj) -> Obj:
    return {}


@operation("POST", "/v1/customers", "CustomerCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    method = None
    if params.get("payment_method"):
        method = method_for(world, params["payment_method"])
        card = card_of(world, method)
        if card.decline and not card.declines_once_attached:
            raise declined_card(card.decline)
    customer = make_customer(world, **_fields(params))
    if method:
        attach(world, method, customer["id"])
    _set_default_method(world, customer, params)
    return customer


@operation("GET", "/v1/customers/{id}", "CustomerRetrieveParams")
def retrieve(call: Call) -> Obj:
    row = call.world.rows.get(call.id)
    if row and row.kind == "customer" and row.notes.get("deleted"):
        return {"id": call.id, "object": "customer", "deleted": True}
    return call.world.get("customer", call.id, in_url=True)


@operation("POST", "/v1/customers/{id}", "CustomerUpdateParams")
def update(call: Call) -> Obj:
    customer = call.world.get("customer", call.id, in_url=True)
    with changing(call.world, "customer.updated", customer):
        customer.update(_fields(call.params, customer))
        _set_default_method(call.world, customer, call.params)
    return customer


@operation("DELETE", "/v1/customers/{id}", "CustomerDeleteParams")
def delete(call: Call) -> Obj:
    world = call.world
    customer = world.get("customer", call.id, in_url=True)
    for subscription in world.select("subscription", customer=call.id):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            end_subscription(world, subscription)
    for method in world.select("payment_method", customer=call.id):
        method["customer"] = None
        world.notes(method["id"])["used"] = True
    world.notes(call.id)["deleted"] = True
    emit(world, "customer.deleted", customer)
    return {"id": call.id, "object": "customer", "deleted": True}


@operation("GET", "/v1/customers", "CustomerListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "customer", ("email",))


@operation("GET", "/v1/customers/search", "CustomerSearchParams")
def search(call: Call) -> Obj:
    return searched(call, "customer")
