"""Invoice items: what is to be put on a customer's next invoice."""

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest, StripeError
from sandbox.money import check_currency
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World

from .invoice_lines import add_up, from_invoice_item, from_subscription, make_line


def make_pending(
    world: World,
    customer: str,
    amount: int,
    currency: str,
    description: str | None,
    **fields: object,
) -> Obj:
    quantity = fields.pop("quantity", 1)
    period = fields.pop("period", None) or {"start": world.now(), "end": world.now()}
    price = fields.pop("price", None) or _price_of_its_own(world, amount, currency)
    item = world.new(
        "invoiceitem",
        customer=customer,
        amount=amount,
        currency=currency,
        description=description,
        date=world.now(),
        quantity=quantity,
        quantity_decimal=str(quantity),
        period=period,
        discounts=[],
        tax_rates=[],
        **fields,
    )
    if isinstance(price, dict):
        item["pricing"] = {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        }
    world.add(item)
    emit(world, "invoiceitem.created", item)
    return item


def _price_of_its_own(world: World, amount: int, currency: str) -> Obj:
    """What has an amount only gets an archived price, as every line names one."""
    product = world.create("product", name="Invoice item", active=False, updated=world.now())
    return world.create(
        "price",
        active=False,
        currency=currency,
        product=product["id"],
        type="one_time",
        unit_amount=amount,
        unit_amount_decimal=str(amount),
    )


def pending_of(world: World, customer: str, subscription: str | None) -> list[Obj]:
    """What waits for a subscription's next invoice, or (None) for any of the customer's."""
    found = []
    for row in list(world.peek("invoiceitem")):
        body = row.body
        details = (body["parent"] or {}).get("subscription_details") or {}
        waits = body["customer"] == customer and not body["invoice"]
        if waits and details.get("subscription") in (subscription, None):
            found.append(world.body(row.id))
    return found


def bill_pending(world: World, invoice: Obj, subscription: str | None) -> None:
    for item in pending_of(world, invoice["customer"], subscription):
        if item["currency"] == invoice["currency"]:
            put_on(world, invoice, item)


def put_on(world: World, invoice: Obj, item: Obj) -> None:
    item["invoice"] = invoice["id"]
    details = (item["parent"] or {}).get("subscription_details")
    price = None
    if item["pricing"]:
        price = world.rows[item["pricing"]["price_details"]["price"]].body
    parent = from_invoice_item(item["id"])
    if details:
        parent = from_subscription(
            details["subscription"], details["subscription_item"], item["proration"], item["id"]
        )
    make_line(
        world, invoice, amount=item["amount"], description=item["description"], price=price,
        quantity=item["quantity"], period=(item["period"]["start"], item["period"]["end"]),
        parent=parent, proration=item["proration"], metadata=item["metadata"],
    )  # fmt: skip


@operation("POST", "/v1/invoiceitems", "InvoiceItemCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    customer = world.get("customer", params.get("customer", ""), "customer")
    price = None
    if pricing := params.get("pricing"):
        price = world.get("price", pricing["price"], "pricing[price]")
    if params.get("discounts"):
        raise StripeError(501, "api_error", "The sandbox does not discount single invoice items.")
    quantity = params.get("quantity", 1)
    amount = params.get("amount", price["unit_amount"] * quantity if price else None)
    if amount is None:
        raise InvalidRequest("You must pass either `amount` or `pricing`.", "amount")
    currency = price["currency"] if price else check_currency(params.get("currency", "usd"))
    invoice = None
    if params.get("invoice"):
        invoice = world.get("invoice", params["invoice"], "invoice")
        if invoice["status"] != "draft":
            raise InvalidRequest(
                "This invoice is no longer editable", "invoice", "invoice_not_editable"
            )
    item = make_pending(
        world, customer["id"], amount, currency, params.get("description"), price=price,
        quantity=quantity, period=params.get("period"),
        metadata=merged({}, params.get("metadata")), discountable=params.get("discountable", True),
    )  # fmt: skip
    if invoice:
        with changing(world, "invoice.updated", invoice):
            put_on(world, invoice, item)
            add_up(world, invoice)
    return item


@operation("GET", "/v1/invoiceitems/{id}", "InvoiceItemRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("invoiceitem", call.id, "invoiceitem", in_url=True)


@operation("DELETE", "/v1/invoiceitems/{id}", "InvoiceItemDeleteParams")
def delete(call: Call) -> Obj:
    item = retrieve(call)
    if item["invoice"]:
        raise InvalidRequest("You can only delete invoice items that are not on an invoice.")
    call.world.notes(call.id)["deleted"] = True
    emit(call.world, "invoiceitem.deleted", item)
    return {"id": call.id, "object": "invoiceitem", "deleted": True}


@operation("GET", "/v1/invoiceitems", "InvoiceItemListParams")
def list_all(call: Call) -> Obj:
    pending = call.params.get("pending")
    return listed(
        call,
        "invoiceitem",
        ("customer", "invoice"),
        lambda row: pending is None or pending == (row.body["invoice"] is None),
    )
