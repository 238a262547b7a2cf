"""What a person does on the hosted pages, and what Stripe.js does in a browser."""

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.resources import checkout_discounts
from sandbox.resources.addresses import check_email
from sandbox.resources.checkout_completion import Buyer, complete, needs_method
from sandbox.resources.checkout_sessions import waiting_intent
from sandbox.resources.confirmation import authenticate, confirm
from sandbox.resources.payment_intents import check_confirmable
from sandbox.resources.payment_methods import attach, check_number, make_card, make_debit
from sandbox.resources.setup_intents import authenticate_setup
from sandbox.sandbox import Sandbox
from sandbox.webhooks.events import changing
from sandbox.world.rows import Obj, World

from .answers import call, cause_of, needed

_DEBITS = {"usd": "us_bank_account", "eur": "sepa_debit"}


@call
def complete_checkout(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """`{card, email?, name?, promotion_code?, authenticate?, bank_debit?, address?}`"""
    world = sandbox.world
    with world.work(cause_of(request)):
        session = world.get("checkout.session", request.path_params["id"], "session", in_url=True)
        if text := body.get("promotion_code"):
            checkout_discounts.type_in(world, session, text)
        buyer = Buyer(
            email=check_email(body.get("email")) or _known_email(world, session),
            name=body.get("name", "Test Person"),
            address=_address(session, body),
            method=_method(world, session, body) if needs_method(session) else None,
        )
        if decline := complete(world, session, buyer):
            raise decline
        return _progress(world, session, body)


def _address(session: Obj, body: dict[str, Any]) -> dict[str, Any]:
    """What the page collects at the least; a whole address where the session asks for one."""
    given = {"country": "US", "postal_code": "12345"}
    if session["billing_address_collection"] == "required":
        given |= {"line1": "1 Test Street", "city": "Testville", "state": "CA"}
    given |= body.get("address") or {}
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: given.get(name) for name in names}


def _known_email(world: World, session: Obj) -> str:
    details = session["customer_details"] or {}
    return details.get("email") or session["customer_email"] or "buyer@example.com"


def _method(world: World, session: Obj, body: dict[str, Any]) -> Obj:
    details = {"name": body.get("name", "Test Person"), "address": _address(session, body)}
    if body.get("bank_debit"):
        type_ = _DEBITS.get(session["currency"], "us_bank_account")
        return make_debit(world, type_, details)
    return make_card(world, check_number(str(needed(body, "card"))), details=details)


def _progress(world: World, session: Obj, body: dict[str, Any]) -> dict[str, Any]:
    waiting = waiting_intent(world, session)
    if waiting and "authenticate" in body:
        act = authenticate if waiting["object"] == "payment_intent" else authenticate_setup
        if decline := act(world, waiting, bool(body["authenticate"])):
            raise decline
        waiting = None
    answer = {"status": session["status"], "payment_status": session["payment_status"]}
    return {**answer, "requires_action": True} if waiting else answer


@call
def confirm_intent(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    """`{card, authenticate?}`"""
    world = sandbox.world
    with world.work(cause_of(request)):
        intent = world.get("payment_intent", request.path_params["id"], "intent", in_url=True)
        check_confirmable(intent)
        method = make_card(world, check_number(str(needed(body, "card"))))
        decline = confirm(world, intent, method)
        if intent["status"] == "requires_action" and "authenticate" in body:
            decline = authenticate(world, intent, bool(body["authenticate"]))
        if decline:
            raise decline
        return dict(intent)


@call
def authenticate_intent(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    """`{"succeed": true|false}`: what the card's owner answers on the bank's page."""
    world = sandbox.world
    with world.work(cause_of(request)):
        intent = world.get("payment_intent", request.path_params["id"], "intent", in_url=True)
        if decline := authenticate(world, intent, bool(body.get("succeed", True))):
            raise decline
        return dict(intent)


@call
def change_card(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """The customer's next charge uses this card."""
    world = sandbox.world
    with world.work(cause_of(request)):
        customer = world.get("customer", request.path_params["id"], in_url=True)
        method = make_card(world, check_number(str(needed(body, "card"))))
        use_card(world, customer, method)
        return {"customer": customer["id"], "payment_method": method["id"]}


def use_card(world: World, customer: Obj, method: Obj) -> None:
    attach(world, method, customer["id"])
    with changing(world, "customer.updated", customer):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    for subscription in world.select("subscription", customer=customer["id"]):
        live = subscription["status"] not in ("canceled", "incomplete_expired")
        if live and subscription["default_payment_method"]:
            with changing(world, "customer.subscription.updated", subscription):
                subscription["default_payment_method"] = method["id"]


ROUTES = [
    Route("/_sandbox/checkout/{id}/complete", complete_checkout, methods=["POST"]),
    Route("/_sandbox/payment_intents/{id}/confirm", confirm_intent, methods=["POST"]),
    Route("/_sandbox/payment_intents/{id}/authenticate", authenticate_intent, methods=["POST"]),
    Route("/_sandbox/customers/{id}/card", change_card, methods=["POST"]),
]
