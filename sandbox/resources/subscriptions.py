"""Subscriptions: the doors to starting, reading, changing and ending one."""

from sandbox.api.lists import in_range, listed
from sandbox.api.operations import Call, operation
from sandbox.api.search import searched
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, Row

from .customers import not_of_customer
from .subscription_changes import change
from .subscription_cycle import renew
from .subscription_end import ENDED, end_subscription
from .subscription_items import items_of
from .subscription_start import announce, bill_first, first_invoice, new_subscription


@operation("POST", "/v1/subscriptions", "SubscriptionCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    customer = world.get("customer", params.get("customer", ""), "customer")
    if id_ := params.get("default_payment_method"):
        method = world.get("payment_method", id_, "default_payment_method")
        if method["customer"] != customer["id"]:
            raise not_of_customer(id_)
    if params.get("collection_method") == "send_invoice" and "days_until_due" not in params:
        raise InvalidRequest(
            "If `collection_method` is `send_invoice`, `days_until_due` must be set.",
            "days_until_due",
        )
    customer["currency"] = customer["currency"] or None
    subscription = new_subscription(world, customer, params)
    invoice = first_invoice(world, customer, subscription, _one_time(call))
    behaviour = params.get("payment_behavior", "allow_incomplete")
    decline = bill_first(world, subscription, invoice, None, behaviour)
    if decline and behaviour == "error_if_incomplete":
        decline.keeps_changes = False
        raise decline
    announce(world, subscription)
    return subscription


def _one_time(call: Call) -> list[Obj]:
    lines = []
    for number, item in enumerate(call.params.get("add_invoice_items") or []):
        place = f"add_invoice_items[{number}][price]"
        price = call.world.get("price", item.get("price", ""), place)
        lines.append({"price": price, "quantity": item.get("quantity", 1)})
    return lines


@operation("GET", "/v1/subscriptions/{id}", "SubscriptionRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("subscription", call.id, in_url=True)


@operation("POST", "/v1/subscriptions/{id}", "SubscriptionUpdateParams")
def update(call: Call) -> Obj:
    return change(call.world, retrieve(call), call.params)


@operation("DELETE", "/v1/subscriptions/{id}", "SubscriptionCancelParams")
def cancel(call: Call) -> Obj:
    subscription = retrieve(call)
    if subscription["status"] in ENDED:
        raise InvalidRequest(f"No such subscription: '{call.id}'", "id", "resource_missing", 404)
    details = call.params.get("cancellation_details")
    subscription["cancel_at"] = None
    end_subscription(call.world, subscription, details=details)
    return subscription


@operation("POST", "/v1/subscriptions/{id}/resume", "SubscriptionResumeParams")
def resume(call: Call) -> Obj:
    """Take up a subscription that a trial without a card has paused."""
    world, subscription = call.world, retrieve(call)
    if subscription["status"] != "paused":
        raise InvalidRequest("Only paused subscriptions can be resumed.")
    for item in items_of(world, subscription):
        item["current_period_end"] = world.now()
    subscription["items"]["data"][0]["current_period_end"] = world.now()
    subscription["billing_cycle_anchor"] = world.now()
    invoice = renew(world, subscription, status="active")
    invoice["automatically_finalizes_at"] = world.now()
    emit(world, "customer.subscription.resumed", subscription)
    return subscription


@operation("GET", "/v1/subscriptions", "SubscriptionListParams")
def list_all(call: Call) -> Obj:
    params = call.params
    status = params.get("status")

    def fits(row: Row) -> bool:
        body = row.body
        known = body["status"]
        if status == "ended":
            wanted = known in ENDED
        elif status is None:
            wanted = known != "canceled"
        else:
            wanted = status in ("all", known)
        ends = params.get("current_period_end")
        items = body["items"]["data"]
        return (
            wanted
            and (ends is None or in_range(items[0]["current_period_end"], ends))
            and ("price" not in params or any(i["price"]["id"] == params["price"] for i in items))
        )

    return listed(call, "subscription", ("customer", "collection_method"), fits)


@operation("GET", "/v1/subscriptions/search", "SubscriptionSearchParams")
def search(call: Call) -> Obj:
    return searched(call, "subscription")


@operation("DELETE", "/v1/subscriptions/{id}/discount", "SubscriptionDeleteDiscountParams")
def delete_discount(call: Call) -> Obj:
    subscription = retrieve(call)
    with changing(call.world, "customer.subscription.updated", subscription):
        subscription["discounts"] = []
    return {"id": call.id, "object": "discount", "deleted": True}
