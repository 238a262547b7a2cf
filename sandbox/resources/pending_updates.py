"""A change that waits until it is paid for: `payment_behavior=pending_if_incomplete`.

https://docs.stripe.com/billing/subscriptions/pending-updates-reference
"""

from typing import Any

from sandbox.api.metadata import merged
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing, emit
from sandbox.world.copies import copied
from sandbox.world.rows import Obj, World

from .invoice_payments import open_payment
from .payment_intents import cancel_intent
from .subscription_items import items_of, period_end, show_items

LONGEST = 23 * 3600
_SUPPORTED = {
    "add_invoice_items",
    "billing_cycle_anchor",
    "discounts",
    "items",
    "metadata",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "trial_from_plan",
}


def check(subscription: Obj, params: dict[str, Any]) -> None:
    if refused := sorted(params.keys() - _SUPPORTED - {"expand"}):
        raise InvalidRequest(
            f"`{refused[0]}` cannot be used with `payment_behavior=pending_if_incomplete`.",
            refused[0],
        )
    if subscription["collection_method"] == "send_invoice":
        raise InvalidRequest(
            "Pending updates are not supported for subscriptions whose invoices are sent.",
            "payment_behavior",
        )


def as_it_is(world: World, subscription: Obj) -> tuple[Obj, list[Obj]]:
    return copied(subscription), [copied(item) for item in items_of(world, subscription)]


def put_back(world: World, subscription: Obj, was: tuple[Obj, list[Obj]]) -> None:
    body, items = was
    for item in items:
        world.body(item["id"]).update(copied(item))
    subscription.update(copied(body))


def wait_for(world: World, subscription: Obj, invoice: Obj, wanted: Obj) -> None:
    """What is wanted is so once the invoice is paid; until then nothing is changed."""
    trial_end = subscription["trial_end"] if subscription["status"] == "trialing" else None
    ends = [world.now() + LONGEST, period_end(subscription), trial_end]
    subscription["latest_invoice"] = invoice["id"]
    subscription["pending_update"] = {
        "billing_cycle_anchor": None,
        "discount": None,
        "discounts": None,
        "expires_at": min(end for end in ends if end),
        "metadata": None,
        "subscription_items": None,
        "trial_end": None,
        "trial_from_plan": None,
        **wanted,
    }


def waits_for(subscription: Obj | None, invoice: Obj) -> bool:
    if subscription is None or subscription["pending_update"] is None:
        return False
    return bool(subscription["latest_invoice"] == invoice["id"])


def apply(world: World, subscription: Obj) -> None:
    """It is paid: what waited is so."""
    with changing(world, "customer.subscription.updated", subscription):
        update = subscription["pending_update"]
        for item in update["subscription_items"]:
            world.body(item["id"]).update(copied(item))
        items = [world.body(item["id"]) for item in update["subscription_items"]]
        show_items(world, subscription, items)
        if update["billing_cycle_anchor"]:
            subscription["billing_cycle_anchor"] = update["billing_cycle_anchor"]
        subscription["metadata"] = merged(subscription["metadata"], update["metadata"] or {})
        subscription["pending_update"] = None
    emit(world, "customer.subscription.pending_update_applied", subscription)


def discard(world: World, subscription: Obj) -> None:
    """Its invoice is void, or its time is over, or another change takes its place."""
    if subscription["pending_update"] is None:
        return
    invoice = world.get("invoice", subscription["latest_invoice"])
    with changing(world, "customer.subscription.updated", subscription):
        subscription["pending_update"] = None
    if invoice["status"] == "open":
        _void(world, invoice)
    emit(world, "customer.subscription.pending_update_expired", subscription)


def _void(world: World, invoice: Obj) -> None:
    if payment := open_payment(world, invoice):
        payment["status"] = "canceled"
        intent = world.get("payment_intent", payment["payment"]["payment_intent"])
        cancel_intent(world, intent, "void_invoice")
    invoice.update(status="void", next_payment_attempt=None, auto_advance=False)
    invoice["status_transitions"]["voided_at"] = world.now()
    emit(world, "invoice.voided", invoice)
