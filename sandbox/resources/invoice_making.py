"""Making an invoice, and finalising it: from a draft to something that can be paid."""

from typing import Any

from sandbox.errors import InvalidRequest
from sandbox.money import MINIMUM
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World

from .account import platform_account
from .discounts import spend
from .invoice_lines import add_up
from .payment_intents import make_intent

_TOTALS = ("total_discount_amounts", "total_pretax_credit_amounts", "total_taxes")
_PURPOSE = {
    "subscription_create": "Subscription creation",
    "subscription_update": "Subscription update",
    "subscription_cycle": "Subscription update",
}


def new_invoice(
    world: World,
    customer: Obj,
    currency: str,
    reason: str,
    subscription: Obj | None = None,
    **fields: Any,
) -> Obj:
    """An invoice without lines that is not kept yet."""
    account = platform_account(world)
    invoice = world.new(
        "invoice",
        customer=customer["id"],
        currency=currency,
        billing_reason=reason,
        account_country=account["country"],
        account_name="Sandbox",
        auto_advance=True,
        test_clock=customer["test_clock"],
        **fields,
    )
    for name in ("address", "email", "name", "phone", "shipping", "tax_exempt"):
        invoice[f"customer_{name}"] = customer[name]
    for name in ("discounts", "customer_tax_ids", *_TOTALS):
        invoice[name] = []
    invoice["period_start"] = invoice["period_end"] = world.now()
    url = f"/v1/invoices/{invoice['id']}/lines"
    invoice["lines"] = {
        "object": "list", "data": [], "has_more": False, "total_count": 0, "url": url,
    }  # fmt: skip
    if subscription:
        invoice["collection_method"] = subscription["collection_method"]
        invoice["default_payment_method"] = None
        invoice["parent"] = {
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        }
    return invoice


def subscription_of(invoice: Obj) -> str | None:
    parent = invoice["parent"] or {}
    details = parent.get("subscription_details") or {}
    return details.get("subscription")


def finalize(world: World, invoice: Obj) -> None:
    """No more changes: it has a number, and an intent to be paid with unless nothing is due."""
    if invoice["status"] != "draft":
        raise InvalidRequest(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    customer = world.get("customer", invoice["customer"])
    add_up(world, invoice)
    for id_ in invoice["discounts"]:
        spend(world, world.body(id_))
    _apply_balance(world, invoice, customer)
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = number + 1
    invoice["status_transitions"]["finalized_at"] = world.now()
    invoice.update(
        number=f"{customer['invoice_prefix']}-{number:04d}",
        status="open",
        effective_at=world.now(),
        automatically_finalizes_at=None,
        hosted_invoice_url=world.link(f"/invoices/{invoice['id']}"),
        invoice_pdf=world.link(f"/invoices/{invoice['id']}/pdf"),
    )
    if invoice["amount_due"] > 0:
        _make_payment(world, invoice)
    emit(world, "invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        mark_paid(world, invoice, 0)


def _apply_balance(world: World, invoice: Obj, customer: Obj) -> None:
    before = customer["balance"]
    show_balance(world, invoice)
    left = invoice["ending_balance"]
    if left != before:
        with changing(world, "customer.updated", customer):
            customer["balance"] = left


def show_balance(world: World, invoice: Obj) -> None:
    """Credit pays first; what is too small to charge, or negative, goes on the balance."""
    customer = world.get("customer", invoice["customer"])
    before = customer["balance"]
    due = invoice["total"] + before
    too_small = 0 < due < MINIMUM.get(invoice["currency"], 1)
    left = due if due < 0 or too_small else 0
    amount_due = due - left
    invoice.update(
        starting_balance=before,
        ending_balance=left,
        amount_due=amount_due,
        amount_remaining=amount_due,
    )


def _make_payment(world: World, invoice: Obj) -> None:
    first = invoice["billing_reason"] == "subscription_create"
    intent = make_intent(
        world,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=_PURPOSE.get(invoice["billing_reason"]),
        payment_method_types=["card"],
        setup_future_usage="off_session" if first else None,
        capture_method="automatic",
    )
    world.notes(intent["id"])["invoice"] = invoice["id"]
    payment = world.create(
        "invoice_payment",
        invoice=invoice["id"],
        amount_requested=invoice["amount_due"],
        currency=invoice["currency"],
        is_default=True,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
    )
    world.notes(invoice["id"])["payment"] = payment["id"]


def mark_paid(world: World, invoice: Obj, amount: int) -> None:
    invoice["status_transitions"]["paid_at"] = world.now()
    invoice.update(
        status="paid",
        attempted=True,
        amount_paid=invoice["amount_paid"] + amount,
        amount_remaining=0,
        next_payment_attempt=None,
        auto_advance=False,
    )
    emit(world, "invoice.paid", invoice)
    emit(world, "invoice.payment_succeeded", invoice)
