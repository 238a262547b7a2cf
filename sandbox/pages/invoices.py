"""The hosted invoice: to read, to pay, to keep as a PDF."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.control.answers import cause_of
from sandbox.errors import StripeError
from sandbox.resources.invoice_collection import collect
from sandbox.resources.invoice_payments import intent_of
from sandbox.world.rows import Obj, Row, World

from .card_form import HINTS, card_from
from .pdf import invoice_pdf
from .rendering import form_of, message, render, sandbox_of, see


def _row(request: Request) -> Row | None:
    row = sandbox_of(request).world.rows.get(request.path_params["id"])
    shown = row and row.kind == "invoice" and row.body["status"] != "draft"
    return row if shown else None


async def invoice(request: Request) -> Response:
    world, row = sandbox_of(request).world, _row(request)
    form = await form_of(request) if request.method == "POST" else {}
    if row is None:
        return message("Nothing here", "There is no such invoice.", status=404)
    problem, status = None, 200
    if request.method == "POST" and row.body["status"] == "open":
        try:
            with world.work(cause_of(request)):
                body = world.body(row.id)
                if decline := collect(world, body, card_from(world, form)):
                    raise decline
                intent = intent_of(world, body)
        except StripeError as error:
            problem, status = error.body["message"], 402
        else:
            waits = intent and intent["status"] == "requires_action"
            return see(f"/3ds/{intent['id']}" if intent and waits else f"/invoices/{row.id}")
    values: dict[str, Any] = {"country": "US", **form}
    body = world.rows[row.id].body
    return render(
        "invoice.html",
        status,
        invoice=body,
        form=values,
        problem=problem,
        hints=HINTS,
        waiting=_waiting(world, body),
    )


def _waiting(world: World, invoice: Obj) -> str | None:
    """The intent whose card's owner the bank wants to see."""
    payment = world.rows[invoice["id"]].notes.get("payment")
    intent_id = world.rows[payment].body["payment"]["payment_intent"] if payment else None
    waits = intent_id and world.rows[intent_id].body["status"] == "requires_action"
    return intent_id if waits else None


async def pdf(request: Request) -> Response:
    row = _row(request)
    if row is None:
        return message("Nothing here", "There is no such invoice.", status=404)
    name = f"Invoice-{row.body['number']}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(invoice_pdf(row.body), 200, headers, "application/pdf")


ROUTES = [
    Route("/invoices/{id}", invoice, methods=["GET", "POST"]),
    Route("/invoices/{id}/pdf", pdf),
]
