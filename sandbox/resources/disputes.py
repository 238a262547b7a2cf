"""Disputes: the bank takes the money back until it is decided who keeps it."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.cards import Card
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World

from .balance import book

FEE = 1500
_RESPONSE_SECONDS = 9 * 24 * 3600
_OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")


def open_dispute_for_card(world: World, charge: Obj, card: Card) -> None:
    if card.dispute:
        open_dispute(world, charge, reason=card.dispute)


def open_dispute(
    world: World, charge: Obj, *, amount: int | None = None, reason: str = "fraudulent"
) -> Obj:
    inquiry = reason == "inquiry"
    most = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"]:
        raise InvalidRequest("This charge has already been disputed.", "payment_intent")
    if not 0 < (amount or most) <= most:
        raise InvalidRequest(f"The amount must be between 1 and {most}.", "amount")
    dispute = world.new(
        "dispute",
        amount=amount or most,
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        currency=charge["currency"],
        reason="fraudulent" if inquiry else reason,
        status="warning_needs_response" if inquiry else "needs_response",
        is_charge_refundable=inquiry,
        payment_method_details=_details(charge, inquiry),
    )
    dispute["evidence_details"].update(due_by=world.now() + _RESPONSE_SECONDS)
    world.add(dispute)
    with changing(world, "charge.updated", charge):
        charge["disputed"] = True
    if not inquiry:
        _move_money(world, dispute, -dispute["amount"], FEE, "Chargeback withdrawal", "dispute")
    emit(world, "charge.dispute.created", dispute)
    if not inquiry:
        emit(world, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _details(charge: Obj, inquiry: bool) -> dict[str, Any]:
    brand = (charge["payment_method_details"].get("card") or {}).get("brand", "visa")
    return {
        "type": "card",
        "card": {
            "brand": brand,
            "case_type": "inquiry" if inquiry else "chargeback",
            "network": brand,
            "network_reason_code": "83",
        },
    }


def _move_money(
    world: World, dispute: Obj, amount: int, fee: int, description: str, category: str
) -> None:
    transaction = book(
        world,
        "adjustment",
        amount,
        dispute["currency"],
        source=dispute["id"],
        fee=fee,
        description=f"{description} for {dispute['charge']}",
        category=category,
    )
    dispute["balance_transactions"].append(dict(transaction))


def close_dispute(world: World, dispute: Obj, won: bool) -> Obj:
    if dispute["status"] not in _OPEN:
        raise InvalidRequest("This dispute is already closed.", code="dispute_already_closed")
    warning = dispute["status"].startswith("warning")
    if won and not warning:
        description = "Chargeback reversal"
        _move_money(world, dispute, dispute["amount"], 0, description, "dispute_reversal")
    with changing(world, "charge.dispute.closed", dispute):
        dispute["status"] = "warning_closed" if warning else "won" if won else "lost"
    if won and not warning:
        emit(world, "charge.dispute.funds_reinstated", dispute)
    return dispute


def escalate_inquiry(world: World, dispute: Obj) -> Obj:
    """The bank was not content with the answer, or with none: now it takes the money."""
    if dispute["status"] not in ("warning_needs_response", "warning_under_review"):
        raise InvalidRequest("Only an open inquiry can become a chargeback.")
    charge = world.get("charge", dispute["charge"])
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left <= 0:
        raise InvalidRequest("This charge is refunded in full: the inquiry comes to nothing.")
    with changing(world, "charge.dispute.updated", dispute):
        dispute.update(
            status="needs_response",
            amount=min(dispute["amount"], left),
            is_charge_refundable=False,
            payment_method_details=_details(charge, inquiry=False),
        )
    _move_money(world, dispute, -dispute["amount"], FEE, "Chargeback withdrawal", "dispute")
    emit(world, "charge.dispute.funds_withdrawn", dispute)
    return dispute


@operation("GET", "/v1/disputes/{id}", "DisputeRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("dispute", call.id, "dispute", in_url=True)


@operation("POST", "/v1/disputes/{id}", "DisputeUpdateParams")
def update(call: Call) -> Obj:
    """Stage evidence, and submit it unless told not to."""
    dispute, params = retrieve(call), call.params
    evidence = {k: v or None for k, v in (params.get("evidence") or {}).items()}
    if evidence and dispute["status"] not in _OPEN:
        raise InvalidRequest("This dispute is already closed.", code="dispute_already_closed")
    with changing(call.world, "charge.dispute.updated", dispute):
        dispute["evidence"].update(evidence)
        dispute["metadata"] = merged(dispute["metadata"], params.get("metadata"))
        details = dispute["evidence_details"]
        details["has_evidence"] = any(dispute["evidence"].values())
        if params.get("submit", True) and details["has_evidence"]:
            details["submission_count"] += 1
            warning = dispute["status"].startswith("warning")
            dispute["status"] = "warning_under_review" if warning else "under_review"
    decisive = evidence.get("uncategorized_text")
    if params.get("submit", True) and decisive in ("winning_evidence", "losing_evidence"):
        close_dispute(call.world, dispute, decisive == "winning_evidence")
    return dispute


@operation("POST", "/v1/disputes/{id}/close", "DisputeCloseParams")
def close(call: Call) -> Obj:
    return close_dispute(call.world, retrieve(call), won=False)


@operation("GET", "/v1/disputes", "DisputeListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "dispute", ("charge", "payment_intent"))
