"""Invoices: the doors to reading, making and paying one."""

from sandbox.api.lists import listed, page
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.api.search import searched
from sandbox.errors import InvalidRequest, StripeError
from sandbox.money import check_currency
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, Row

from .discounts import make_discount
from .invoice_collection import collect
from .invoice_lines import add_up
from .invoice_making import finalize, mark_paid, new_invoice, subscription_of
from .invoice_payments import open_payment
from .payment_intents import cancel_intent
from .payment_methods import method_for
from .pending_items import bill_pending
from .pending_updates import discard, waits_for
from .periods import DAY


@operation("POST", "/v1/invoices", "InvoiceCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    customer = world.get("customer", params.get("customer", ""), "customer")
    invoice = new_invoice(
        world,
        customer,
        check_currency(str(params.get("currency", customer["currency"] or "usd"))),
        "manual",
        metadata=merged({}, params.get("metadata")),
        description=params.get("description"),
        collection_method=params.get("collection_method", "charge_automatically"),
        default_payment_method=params.get("default_payment_method"),
    )
    invoice["auto_advance"] = params.get("auto_advance", False)
    if invoice["collection_method"] == "send_invoice":
        days = params.get("days_until_due", 30)
        invoice["due_date"] = params.get("due_date", world.now() + days * DAY)
    if invoice["auto_advance"]:
        invoice["automatically_finalizes_at"] = world.now() + 3600
    world.add(invoice)
    if params.get("pending_invoice_items_behavior", "exclude") == "include":
        bill_pending(world, invoice, None)
    for wanted in params.get("discounts") or []:
        made = make_discount(world, wanted, customer["id"], invoice["currency"],
                             invoice=invoice["id"])  # fmt: skip
        invoice["discounts"].append(made["id"])
    add_up(world, invoice)
    emit(world, "invoice.created", invoice)
    return invoice


@operation("GET", "/v1/invoices/{id}", "InvoiceRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("invoice", call.id, "invoice", in_url=True)


@operation("POST", "/v1/invoices/{id}", "InvoiceUpdateParams")
def update(call: Call) -> Obj:
    invoice, params = retrieve(call), call.params
    if invoice["status"] != "draft" and params.keys() - {"metadata", "auto_advance"}:
        raise InvalidRequest(
            "Finalized invoices can't be updated in this way", code="invoice_not_editable"
        )
    with changing(call.world, "invoice.updated", invoice):
        for name in ("description", "footer", "auto_advance", "default_payment_method"):
            if name in params:
                invoice[name] = None if params[name] == "" else params[name]
        invoice["metadata"] = merged(invoice["metadata"], params.get("metadata"))
        if not invoice["auto_advance"]:
            invoice["next_payment_attempt"] = None
    return invoice


@operation("POST", "/v1/invoices/{id}/finalize", "InvoiceFinalizeInvoiceParams")
def finalize_it(call: Call) -> Obj:
    world, invoice = call.world, retrieve(call)
    finalize(world, invoice)
    automatic = invoice["collection_method"] == "charge_automatically"
    if invoice["status"] == "open" and automatic and call.params.get("auto_advance"):
        collect(world, invoice)
    return invoice


@operation("POST", "/v1/invoices/{id}/pay", "InvoicePayParams")
def pay(call: Call) -> Obj:
    world, params, invoice = call.world, call.params, retrieve(call)
    if invoice["status"] == "draft":
        finalize(world, invoice)
    else:
        _check_payable(invoice)
    if invoice["status"] == "paid":
        return invoice
    if params.get("paid_out_of_band"):
        _pay_elsewhere(call, invoice)
        return invoice
    reference = params.get("payment_method")
    method = method_for(world, reference) if reference else None
    if error := collect(world, invoice, method):
        raise error
    _refuse_waiting(call, invoice)
    return invoice


def _refuse_waiting(call: Call, invoice: Obj) -> None:
    """The bank wants to see the owner; what was begun stays begun."""
    payment = open_payment(call.world, invoice)
    if payment is None or invoice["status"] != "open":
        return
    intent = call.world.get("payment_intent", payment["payment"]["payment_intent"])
    if intent["status"] == "requires_action":
        raise StripeError(
            402,
            "card_error",
            "This payment requires additional user action before it can be completed"
            " successfully. Payment can be completed using the PaymentIntent associated with"
            f" invoice: `{invoice['id']}`.",
            code="invoice_payment_intent_requires_action",
            keeps_changes=True,
        )


def _check_payable(invoice: Obj) -> None:
    if invoice["status"] == "paid":
        raise InvalidRequest("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        raise InvalidRequest(f"This invoice is {invoice['status']} and cannot be paid.")


def _pay_elsewhere(call: Call, invoice: Obj) -> None:
    if payment := open_payment(call.world, invoice):
        intent = call.world.get("payment_intent", payment["payment"]["payment_intent"])
        payment["status"] = "canceled"
        cancel_intent(call.world, intent, "automatic")
    mark_paid(call.world, invoice, invoice["amount_due"])


@operation("POST", "/v1/invoices/{id}/send", "InvoiceSendInvoiceParams")
def send(call: Call) -> Obj:
    invoice = retrieve(call)
    if invoice["status"] == "draft":
        finalize(call.world, invoice)
    emit(call.world, "invoice.sent", invoice)
    return invoice


@operation("POST", "/v1/invoices/{id}/void", "InvoiceVoidInvoiceParams")
def void(call: Call) -> Obj:
    return _give_up(call, "void", "voided_at", "invoice.voided")


@operation("POST", "/v1/invoices/{id}/mark_uncollectible", "InvoiceMarkUncollectibleParams")
def mark_uncollectible(call: Call) -> Obj:
    moved = "marked_uncollectible_at"
    return _give_up(call, "uncollectible", moved, "invoice.marked_uncollectible")


def _give_up(call: Call, status: str, moved: str, event: str) -> Obj:
    world, invoice = call.world, retrieve(call)
    if invoice["status"] not in ("open", "uncollectible"):
        raise InvalidRequest(
            f"You can only pass in open invoices. This invoice isn't open: {invoice['status']}."
        )
    if payment := open_payment(world, invoice):
        intent = world.get("payment_intent", payment["payment"]["payment_intent"])
        if status == "void":
            payment["status"] = "canceled"
            cancel_intent(world, intent, "void_invoice")
    invoice.update(status=status, next_payment_attempt=None, auto_advance=False)
    invoice["status_transitions"][moved] = world.now()
    emit(world, event, invoice)
    subscription = world.find("subscription", subscription_of(invoice))
    if subscription and waits_for(subscription, invoice):
        discard(world, subscription)
    return invoice


@operation("DELETE", "/v1/invoices/{id}", "InvoiceDeleteParams")
def delete(call: Call) -> Obj:
    invoice = retrieve(call)
    if invoice["status"] != "draft" or subscription_of(invoice):
        raise InvalidRequest(
            "You can only delete draft invoices that are not of a subscription.",
            code="invoice_not_editable",
        )
    call.world.notes(call.id)["deleted"] = True
    emit(call.world, "invoice.deleted", invoice)
    return {"id": call.id, "object": "invoice", "deleted": True}


@operation("GET", "/v1/invoices/{id}/lines", "InvoiceLineItemListParams")
def list_lines(call: Call) -> Obj:
    return page(call, retrieve(call)["lines"]["data"])


@operation("GET", "/v1/invoices", "InvoiceListParams")
def list_all(call: Call) -> Obj:
    wanted = call.params.get("subscription")

    def fits(row: Row) -> bool:
        return wanted is None or subscription_of(row.body) == wanted

    return listed(call, "invoice", ("customer", "status", "collection_method"), fits)


@operation("GET", "/v1/invoices/search", "InvoiceSearchParams")
def search(call: Call) -> Obj:
    return searched(call, "invoice")
