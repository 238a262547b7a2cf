"""Invoice payments: which intent pays which invoice."""

from sandbox.api.expand import extra
from sandbox.api.lists import listed
from sandbox.api.operations import Call, operation
from sandbox.world.rows import Obj, Row, World


def payment_of(world: World, invoice: Obj) -> Obj | None:
    return world.find("invoice_payment", world.rows[invoice["id"]].notes.get("payment"))


def open_payment(world: World, invoice: Obj) -> Obj | None:
    payment = payment_of(world, invoice)
    return payment if payment and payment["status"] == "open" else None


def intent_of(world: World, invoice: Obj) -> Obj | None:
    """The intent that pays or paid an invoice."""
    payment = payment_of(world, invoice)
    return world.get("payment_intent", payment["payment"]["payment_intent"]) if payment else None


@extra("invoice", "payments")
def payments_of(world: World, invoice: Obj) -> Obj:
    row = world.rows.get(invoice["id"])
    payment = world.find("invoice_payment", row.notes.get("payment")) if row else None
    return {
        "object": "list",
        "data": [payment] if payment else [],
        "has_more": False,
        "url": "/v1/invoice_payments",
    }


@extra("invoice", "confirmation_secret")
def confirmation_secret(world: World, invoice: Obj) -> Obj | None:
    intent = intent_of(world, invoice)
    if intent is None:
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


@operation("GET", "/v1/invoice_payments", "InvoicePaymentListParams")
def list_all(call: Call) -> Obj:
    wanted = (call.params.get("payment") or {}).get("payment_intent")

    def fits(row: Row) -> bool:
        return not wanted or row.body["payment"].get("payment_intent") == wanted

    return listed(call, "invoice_payment", ("invoice", "status"), fits)


@operation("GET", "/v1/invoice_payments/{id}", "InvoicePaymentRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("invoice_payment", call.id, in_url=True)
