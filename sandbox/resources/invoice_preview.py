"""What an invoice would come to: the change is really made, looked at, and undone."""

from typing import Any

from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.world.copies import copied
from sandbox.world.rows import Obj, World

from .discounts import make_discount
from .invoice_lines import add_up
from .invoice_making import show_balance
from .periods import end_after
from .prorations import change_items
from .subscription_cycle import cycle_invoice
from .subscription_end import ENDED
from .subscription_items import period_end, recurring_of
from .subscription_start import first_invoice, new_subscription

_ITEMS = {"items", "billing_cycle_anchor"}


@operation("POST", "/v1/invoices/create_preview", "InvoiceCreatePreviewParams")
def create_preview(call: Call) -> Obj:
    world, params = call.world, call.params
    wanted = params.get("subscription_details") or {}
    if params.get("subscription"):
        invoice = _of_subscription(world, params, wanted)
    elif wanted.get("items") and params.get("customer"):
        customer = world.get("customer", params["customer"], "customer")
        discounts = params.get("discounts") or []
        subscription = new_subscription(world, customer, {**wanted, "discounts": discounts})
        invoice = first_invoice(world, customer, subscription, [])
    else:
        raise InvalidRequest(
            "You must provide a `subscription`, or a `customer` with `subscription_details`.",
            code="invoice_upcoming_none",
        )
    show_balance(world, invoice)
    shown = copied(invoice)
    world.undo()
    shown["id"] = f"upcoming_{shown['id']}"
    shown["lines"]["url"] = f"/v1/invoices/{shown['id']}/lines"
    for line in shown["lines"]["data"]:
        line["invoice"] = shown["id"]
    return shown


def _of_subscription(world: World, params: dict[str, Any], wanted: dict[str, Any]) -> Obj:
    subscription = world.get("subscription", params["subscription"], "subscription")
    ends = subscription["cancel_at"] and subscription["cancel_at"] <= period_end(subscription)
    ends = wanted.get("cancel_at_period_end", ends)
    if subscription["status"] in ENDED or (ends and not wanted.get("items")):
        raise InvalidRequest(
            f"No upcoming invoices for customer: {subscription['customer']}",
            code="invoice_upcoming_none",
            status=404,
        )
    for discount in params.get("discounts") or []:
        place = {"subscription": subscription["id"]}
        made = make_discount(
            world, discount, subscription["customer"], subscription["currency"], **place
        )
        subscription["discounts"].append(made["id"])
    invoice = change_items(world, subscription, wanted) if _ITEMS & wanted.keys() else None
    invoice = invoice or _next(world, subscription)
    if _ITEMS & wanted.keys():
        details = invoice["parent"]["subscription_details"]
        details["subscription_proration_date"] = wanted.get("proration_date") or world.now()
    return invoice


def _next(world: World, subscription: Obj) -> Obj:
    start = period_end(subscription)
    end = end_after(subscription["billing_cycle_anchor"], recurring_of(subscription), start)
    invoice = cycle_invoice(world, subscription, start, end)
    add_up(world, invoice)
    invoice.update(
        billing_reason="upcoming",
        automatically_finalizes_at=None,
        created=start,
        period_start=subscription["items"]["data"][0]["current_period_start"],
        period_end=start,
        next_payment_attempt=start + 3600,
    )
    return invoice
