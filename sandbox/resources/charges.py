"""Charges: one attempt at a payment, with what the bank said."""

from typing import Any

from sandbox.api.expand import extra
from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.cards import DECLINES
from sandbox.money import rounded_fee
from sandbox.webhooks.events import changing, emit
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World
from sandbox.world.schedule import scheduled

from .balance import book
from .payment_methods import card_of
from .settings import setting


def make_charge(world: World, intent: Obj, method: Obj, *, decline: str | None = None) -> Obj:
    """Charge a payment method for an intent. Booked at once unless captured later."""
    charge = world.new(
        "charge",
        amount=intent["amount"],
        currency=intent["currency"],
        customer=intent["customer"],
        payment_intent=intent["id"],
        payment_method=method["id"],
        description=intent["description"],
        metadata=dict(intent["metadata"]),
        billing_details=dict(method["billing_details"]),
        calculated_statement_descriptor="SANDBOX" if method["type"] == "card" else None,
        receipt_email=intent["receipt_email"],
        shipping=intent["shipping"],
        transfer_group=intent["transfer_group"],
        on_behalf_of=intent["on_behalf_of"],
        application_fee_amount=intent["application_fee_amount"],
        paid=not decline,
        status="failed" if decline else "succeeded",
        outcome=_outcome(decline),
        payment_method_details=_details(intent, method, decline),
    )
    charge["receipt_url"] = None if decline else world.link(f"/receipts/{charge['id']}")
    world.add(charge)
    if decline:
        charge["failure_code"] = DECLINES[decline].code
        charge["failure_message"] = DECLINES[decline].message
        emit(world, "charge.failed", charge)
        return charge
    if intent["capture_method"] == "automatic_async" and setting(world, "async_capture"):
        charge.update(captured=True, amount_captured=intent["amount"])
        world.notes(charge["id"])["booked_at"] = world.now() + 1
    elif intent["capture_method"] != "manual":
        capture(world, charge, intent["amount"])
    return charge


def _booked(body: Obj, notes: dict[str, Any]) -> int | None:
    return notes.get("booked_at")


@scheduled("charge", _booked)
def book_later(world: World, charge: Obj) -> None:
    world.notes(charge["id"])["booked_at"] = None
    with changing(world, "charge.updated", charge):
        capture(world, charge, charge["amount_captured"])


def capture(world: World, charge: Obj, amount: int) -> None:
    method = world.find("payment_method", charge["payment_method"])
    at_once = bool(method and card_of(world, method).available_at_once)
    transaction = book(
        world,
        "charge",
        amount,
        charge["currency"],
        source=charge["id"],
        fee=rounded_fee(amount),
        available=at_once,
        description=charge["description"],
    )
    charge.update(captured=True, amount_captured=amount, balance_transaction=transaction["id"])


def _outcome(decline: str | None) -> dict[str, Any]:
    return {
        "advice_code": "try_again_later" if decline else None,
        "network_advice_code": None,
        "network_decline_code": DECLINES[decline].network_code if decline else None,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank did not return any further details with this decline."
        if decline
        else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }


def _details(intent: Obj, method: Obj, decline: str | None) -> dict[str, Any]:
    if method["type"] != "card":
        names = {
            "us_bank_account": ("account_holder_type", "account_type", "bank_name", "fingerprint",
                                "last4", "routing_number"),
            "sepa_debit": ("bank_code", "branch_code", "country", "fingerprint", "last4"),
        }[method["type"]]  # fmt: skip
        more = {"mandate": None}
        if method["type"] == "us_bank_account":
            more["payment_reference"] = None
        shown = {name: method[method["type"]][name] for name in names}
        return {"type": method["type"], method["type"]: {**shown, **more}}
    card = method["card"]
    shown = {
        name: card[name]
        for name in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint",
                     "funding", "last4", "regulated_status", "wallet")
    }  # fmt: skip
    return {
        "type": "card",
        "card": {
            **shown,
            "amount_authorized": intent["amount"],
            "authorization_code": None if decline else "123456",
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": random_text(15),
            "overcapture": {
                "maximum_amount_capturable": intent["amount"],
                "status": "unavailable",
            },
            "three_d_secure": None,
        },
    }


@extra("charge", "refunds")
def refunds_of(world: World, charge: Obj) -> Obj:
    found = [row.body for row in world.peek("refund") if row.body["charge"] == charge["id"]]
    return {
        "object": "list",
        "data": found[::-1],
        "has_more": False,
        "total_count": len(found),
        "url": f"/v1/charges/{charge['id']}/refunds",
    }


@operation("GET", "/v1/charges/{id}", "ChargeRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("charge", call.id, in_url=True)


@operation("POST", "/v1/charges/{id}", "ChargeUpdateParams")
def update(call: Call) -> Obj:
    charge = retrieve(call)
    with changing(call.world, "charge.updated", charge):
        charge["metadata"] = merged(charge["metadata"], call.params.get("metadata"))
        for name in ("description", "receipt_email"):
            if name in call.params:
                charge[name] = call.params[name] or None
    return charge


@operation("GET", "/v1/charges", "ChargeListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "charge", ("customer", "payment_intent", "transfer_group"))
