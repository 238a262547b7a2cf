"""Refunds, which may fail long after they seemed to have worked."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.money import formatted
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World
from sandbox.world.schedule import scheduled

from .balance import book
from .payment_methods import card_of

_FAILS_AFTER_SECONDS = 2


def _charge_of(world: World, params: dict[str, Any]) -> Obj:
    if params.get("payment_intent"):
        intent = world.get("payment_intent", params["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise InvalidRequest(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                "payment_intent",
            )
        return world.get("charge", intent["latest_charge"])
    if params.get("charge"):
        return world.get("charge", params["charge"], "charge")
    raise InvalidRequest(
        "One of the following params should be provided for this request: payment_intent or charge."
    )


def _is_charged_back(world: World, charge: Obj) -> bool:
    """An inquiry is not: to refund is the way to keep it from becoming a chargeback."""
    disputes = world.select("dispute", charge=charge["id"])
    return any(not each["is_charge_refundable"] for each in disputes)


def _check_amount(world: World, charge: Obj, params: dict[str, Any]) -> int:
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left <= 0:
        raise InvalidRequest(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if _is_charged_back(world, charge):
        raise InvalidRequest(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    amount = params.get("amount", left)
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer"
        )
    if amount > left:
        asked, rest = formatted(amount, charge["currency"]), formatted(left, charge["currency"])
        raise InvalidRequest(
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})",
            "amount",
        )
    return amount


@operation("POST", "/v1/refunds", "RefundCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    charge = _charge_of(world, params)
    amount = _check_amount(world, charge, params)
    method = world.find("payment_method", charge["payment_method"])
    behaviour = card_of(world, method).refund if method else None
    refund = world.new(
        "refund",
        amount=amount,
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        currency=charge["currency"],
        reason=params.get("reason"),
        metadata=merged({}, params.get("metadata")),
        status="pending" if behaviour == "pending" else "succeeded",
        destination_details={
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
    )
    transaction = book(
        world, "refund", -amount, charge["currency"], source=refund["id"],
        description="REFUND FOR CHARGE",
    )  # fmt: skip
    refund["balance_transaction"] = transaction["id"]
    fails_at = world.now() + _FAILS_AFTER_SECONDS if behaviour == "fails" else None
    world.add(refund, fails_at=fails_at)
    emit(world, "refund.created", refund)
    with changing(world, "charge.refunded", charge):
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    return refund


def settle_refund(world: World, refund: Obj, status: str) -> Obj:
    """What the bank did in the end; `failed` may come even after `succeeded`."""
    if refund["status"] in ("failed", "canceled") or refund["status"] == status:
        raise InvalidRequest(f"This refund is already {refund['status']}.", "status")
    world.notes(refund["id"])["fails_at"] = None
    updates = ("refund.updated", "charge.refund.updated")
    before = dict(refund)
    if status == "succeeded":
        refund["status"] = "succeeded"
    else:
        _give_back(world, refund, status)
    previous = {name: before.get(name) for name in refund if before.get(name) != refund[name]}
    for type_ in updates:
        emit(world, type_, refund, previous)
    if status == "failed":
        emit(world, "refund.failed", refund)
    return refund


def _give_back(world: World, refund: Obj, status: str) -> None:
    transaction = book(
        world, "refund_failure", refund["amount"], refund["currency"], source=refund["id"],
        description="REFUND FAILURE",
    )  # fmt: skip
    refund.update(status=status, failure_balance_transaction=transaction["id"])
    if status == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"
    charge = world.get("charge", refund["charge"])
    with changing(world, "charge.updated", charge):
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False


def _fails(body: Obj, notes: dict[str, Any]) -> int | None:
    return notes.get("fails_at")


@scheduled("refund", _fails)
def fail_later(world: World, refund: Obj) -> None:
    settle_refund(world, refund, "failed")


@operation("GET", "/v1/refunds/{id}", "RefundRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("refund", call.id, "refund", in_url=True)


@operation("POST", "/v1/refunds/{id}", "RefundUpdateParams")
def update(call: Call) -> Obj:
    refund = retrieve(call)
    before = dict(refund["metadata"])
    refund["metadata"] = merged(before, call.params.get("metadata"))
    if refund["metadata"] != before:
        for type_ in ("refund.updated", "charge.refund.updated"):
            emit(call.world, type_, refund, {"metadata": before})
    return refund


@operation("POST", "/v1/refunds/{id}/cancel", "RefundCancelParams")
def cancel(call: Call) -> Obj:
    refund = retrieve(call)
    if refund["status"] not in ("pending", "requires_action"):
        raise InvalidRequest(
            f"Refund {refund['id']} with status {refund['status']} cannot be canceled."
        )
    return settle_refund(call.world, refund, "canceled")


@operation("GET", "/v1/refunds", "RefundListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "refund", ("charge", "payment_intent"))
