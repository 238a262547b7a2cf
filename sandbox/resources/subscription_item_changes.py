"""Adding, changing and removing one item of a subscription by itself."""

from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.world.rows import Obj

from .subscription_changes import change
from .subscription_items import retrieve

_RULES = ("proration_behavior", "proration_date", "payment_behavior")


def _rules(call: Call) -> Obj:
    return {name: call.params[name] for name in _RULES if name in call.params}


def _item(call: Call) -> Obj:
    return {name: value for name, value in call.params.items() if name not in _RULES}


@operation("POST", "/v1/subscription_items", "SubscriptionItemCreateParams")
def create(call: Call) -> Obj:
    subscription = call.world.get("subscription", call.params["subscription"], "subscription")
    known = {item["id"] for item in subscription["items"]["data"]}
    change(call.world, subscription, {**_rules(call), "items": [_item(call)]})
    made = [item["id"] for item in subscription["items"]["data"] if item["id"] not in known]
    return call.world.body(made[0])


@operation("POST", "/v1/subscription_items/{id}", "SubscriptionItemUpdateParams")
def update(call: Call) -> Obj:
    item = retrieve(call)
    subscription = call.world.get("subscription", item["subscription"])
    change(call.world, subscription, {**_rules(call), "items": [{"id": call.id, **_item(call)}]})
    return call.world.body(call.id)


@operation("DELETE", "/v1/subscription_items/{id}", "SubscriptionItemDeleteParams")
def delete(call: Call) -> Obj:
    item = retrieve(call)
    subscription = call.world.get("subscription", item["subscription"])
    if len(subscription["items"]["data"]) == 1:
        raise InvalidRequest(
            "A subscription must have at least one active plan. To stop a subscription, cancel it."
        )
    change(call.world, subscription, {**_rules(call), "items": [{"id": call.id, "deleted": True}]})
    return {"id": call.id, "object": "subscription_item", "deleted": True}
