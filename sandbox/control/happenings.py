"""What banks and Stripe do on their own: disputes, refunds that fail, debits that settle."""

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox import API_VERSION
from sandbox.errors import InvalidRequest
from sandbox.resources.balance import book
from sandbox.resources.confirmation import settle_debit
from sandbox.resources.connected_accounts import onboard, restrict
from sandbox.resources.disputes import close_dispute, escalate_inquiry, open_dispute
from sandbox.resources.payouts import settle_payout
from sandbox.resources.refunds import settle_refund
from sandbox.resources.top_ups import settle_top_up
from sandbox.sandbox import Sandbox
from sandbox.webhooks.events import enqueue, listeners
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj

from .answers import call, cause_of, needed


@call
def dispute(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    """`{payment_intent, amount?, reason?}`; reason `inquiry` takes no money back."""
    world = sandbox.world
    with world.work(cause_of(request)):
        intent = world.get("payment_intent", needed(body, "payment_intent"), "payment_intent")
        if intent["status"] != "succeeded":
            raise InvalidRequest("Only a payment that succeeded can be disputed.", "payment_intent")
        charge = world.get("charge", intent["latest_charge"])
        reason = body.get("reason", "fraudulent")
        return dict(open_dispute(world, charge, amount=body.get("amount"), reason=reason))


@call
def close(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    status = body.get("status")
    if status not in ("won", "lost"):
        raise InvalidRequest("status must be won or lost", "status")
    with sandbox.world.work(cause_of(request)):
        found = sandbox.world.get("dispute", request.path_params["id"], "dispute", in_url=True)
        return dict(close_dispute(sandbox.world, found, status == "won"))


@call
def escalate(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    with sandbox.world.work(cause_of(request)):
        found = sandbox.world.get("dispute", request.path_params["id"], "dispute", in_url=True)
        return dict(escalate_inquiry(sandbox.world, found))


@call
def settle(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    status = body.get("status")
    if status not in ("succeeded", "failed"):
        raise InvalidRequest("status must be succeeded or failed", "status")
    with sandbox.world.work(cause_of(request)):
        refund = sandbox.world.get("refund", request.path_params["id"], "refund", in_url=True)
        return dict(settle_refund(sandbox.world, refund, status))


@call
def settle_payment(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    """`{"status": "succeeded"|"failed"}` for a bank debit that is processing."""
    status = body.get("status")
    world = sandbox.world
    if status not in ("succeeded", "failed"):
        raise InvalidRequest("status must be succeeded or failed", "status")
    with world.work(cause_of(request)):
        intent = world.get("payment_intent", request.path_params["id"], "intent", in_url=True)
        if intent["status"] != "processing":
            raise InvalidRequest(f"This PaymentIntent is {intent['status']}, not processing.")
        settle_debit(world, intent, status == "succeeded")
        return dict(intent)


@call
def settle_bank(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    """`{"status": "paid"|"failed", "failure_code"?}`: what the bank did with a payout."""
    status = body.get("status")
    if status not in ("paid", "failed"):
        raise InvalidRequest("status must be paid or failed", "status")
    world = sandbox.world
    with world.work(cause_of(request)):
        payout = world.get("payout", request.path_params["id"], "payout", in_url=True)
        why = body.get("failure_code", "account_closed")
        return dict(settle_payout(world, payout, status, why))


@call
def settle_own_bank(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    """`{"status": "succeeded"|"failed"|"reversed"}`: what the bank did with a top-up."""
    status = body.get("status")
    if status not in ("succeeded", "failed", "reversed"):
        raise InvalidRequest("status must be succeeded, failed or reversed", "status")
    world = sandbox.world
    with world.work(cause_of(request)):
        found = world.get("topup", request.path_params["id"], "topup", in_url=True)
        return dict(settle_top_up(world, found, status))


@call
def charge_fee(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    """`{amount, currency?, description?}`: what Stripe takes for itself, of no payment."""
    world, amount = sandbox.world, needed(body, "amount")
    description = body.get("description", "Billing - Usage Fee")
    with world.work(cause_of(request)):
        currency = body.get("currency", "usd")
        fee = book(world, "stripe_fee", -amount, currency, description=description, category="fee")
        return dict(fee)


@call
def onboarded(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    """`{name?, account_number?}`: what a person does on the hosted form."""
    world = sandbox.world
    with world.work(cause_of(request)):
        account = world.get("account", request.path_params["id"], "account", in_url=True)
        name, number = body.get("name", "Jane Austen"), body.get("account_number", "000123456789")
        onboard(world, account, name, number)
        return dict(account)


@call
def restricted(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Obj:
    world = sandbox.world
    with world.work(cause_of(request)):
        account = world.get("account", request.path_params["id"], "account", in_url=True)
        restrict(world, account)
        return dict(account)


@call
def hand_made(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """`{type, object, livemode?, account?, created?, id?, previous_attributes?}`; not checked."""
    world = sandbox.world
    data = {"object": needed(body, "object")}
    if "previous_attributes" in body:
        data["previous_attributes"] = body["previous_attributes"]
    with world.work(cause_of(request)):
        event = {
            "id": body.get("id") or f"evt_{random_text(24)}",
            "object": "event",
            "api_version": body.get("api_version", API_VERSION),
            "created": body.get("created", world.now()),
            "data": data,
            "livemode": bool(body.get("livemode", False)),
            "pending_webhooks": 0,
            "request": {"id": None, "idempotency_key": None},
            "type": needed(body, "type"),
        }
        if "account" in body:
            event["account"] = body["account"]
        world.add(event, hand_made=True)
        endpoints = listeners(world, event)
        for endpoint in endpoints:
            enqueue(world, event, endpoint)
        return {"id": event["id"], "endpoints": len(endpoints)}


ROUTES = [
    Route("/_sandbox/disputes", dispute, methods=["POST"]),
    Route("/_sandbox/disputes/{id}/close", close, methods=["POST"]),
    Route("/_sandbox/disputes/{id}/escalate", escalate, methods=["POST"]),
    Route("/_sandbox/refunds/{id}/settle", settle, methods=["POST"]),
    Route("/_sandbox/payouts/{id}/settle", settle_bank, methods=["POST"]),
    Route("/_sandbox/topups/{id}/settle", settle_own_bank, methods=["POST"]),
    Route("/_sandbox/fees", charge_fee, methods=["POST"]),
    Route("/_sandbox/accounts/{id}/onboard", onboarded, methods=["POST"]),
    Route("/_sandbox/accounts/{id}/restrict", restricted, methods=["POST"]),
    Route("/_sandbox/payment_intents/{id}/settle", settle_payment, methods=["POST"]),
    Route("/_sandbox/events", hand_made, methods=["POST"]),
]
