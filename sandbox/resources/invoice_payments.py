"""Invoice payments: which intent pays which invoice."""

from ..api.expand import extra
from ..api.lists import listed
from ..api.operations import Call, operation
from ..world.rows import Obj, Row, World


def open_payment(world: World, invoice: Obj) -> Obj | None:
    found = world.select("invoice_payment", invoice=invoice["id"], status="open")
    return found[0] if found else None


def intent_of(world: World, invoice: Obj) -> Obj | None:
    """The intent that pays or paid an invoice."""
    found = world.select("invoice_payment", invoice=invoice["id"])
    return world.get("payment_intent", found[-1]["payment"]["payment_intent"]) if found else None


@extra("invoice", "payments")
def payments_of(world: World, invoice: Obj) -> Obj:
    rows = world.peek("invoice_payment")
    return {
        "object": "list",
        "data": [row.body for row in rows if row.body["invoice"] == invoice["id"]],
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
