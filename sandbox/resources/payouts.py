"""Payouts: money that leaves an account for a bank, where it may be turned back, even later."""

from typing import Any

from sandbox.api.lists import in_range, listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Cause, Obj, World
from sandbox.world.schedule import scheduled

from .account import ACCOUNT_ID
from .balance import book
from .transfers import check_available

_TRANSIT_SECONDS = 60
_ARRIVAL_SECONDS = 2 * 24 * 3600
# https://docs.stripe.com/api/payouts/failures
_FAILURES = {
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "bank_account_restricted": "The bank account has restrictions on the type or the number of"
    " payouts allowed.",
    "could_not_process": "The bank could not process this payout.",
    "declined": "The bank has declined this transfer. Please contact the bank before retrying.",
    "insufficient_funds": "Your Stripe account has insufficient funds to cover the payout.",
    "invalid_account_number": "The routing number seems correct, but the account number is"
    " invalid.",
    "no_account": "The bank account details on file are probably incorrect. No bank account could"
    " be located with those details.",
}


@operation("POST", "/v1/payouts", "PayoutCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    account = world.get("account", world.cause.account or ACCOUNT_ID)
    currency = params["currency"].lower()
    if params["amount"] < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer"
        )
    if params.get("method", "standard") != "standard":
        raise InvalidRequest("This account cannot make instant payouts.", "method")
    bank = _bank_of(account, params.get("destination"), currency)
    check_available(world, params["amount"], currency)
    payout = world.new(
        "payout",
        amount=params["amount"],
        arrival_date=world.now() + _ARRIVAL_SECONDS,
        automatic=False,
        currency=currency,
        description=params.get("description"),
        destination=bank["id"] if bank else None,
        metadata=merged({}, params.get("metadata")),
        method="standard",
        reconciliation_status="not_applicable",
        source_type="card",
        statement_descriptor=params.get("statement_descriptor"),
        status="pending",
        trace_id={"status": "pending", "value": None},
    )
    payout["balance_transaction"] = _booked(world, payout, "payout", -payout["amount"])
    world.add(payout, account=world.cause.account, leaves_at=world.now() + _TRANSIT_SECONDS)
    emit(world, "payout.created", payout)
    return payout


def _bank_of(account: Obj, wanted: str | None, currency: str) -> Obj | None:
    if account["id"] == ACCOUNT_ID:
        return None
    if not account["payouts_enabled"]:
        raise InvalidRequest(
            "Payouts are not enabled for this account: it must provide more information first.",
            code="payouts_not_allowed",
        )
    banks = [b for b in account["external_accounts"]["data"] if b["currency"] == currency]
    for bank in banks:
        if wanted in (None, bank["id"]):
            return bank
    raise InvalidRequest(
        f"Sorry, you don't have any external accounts in that currency ({currency}).",
        "destination" if wanted else "currency",
        code=None if wanted else "payouts_not_allowed",
    )


def _booked(world: World, payout: Obj, type_: str, amount: int) -> str:
    booked = book(world, type_, amount, payout["currency"], source=payout["id"])
    return str(booked["id"])


def _next(body: Obj, notes: dict[str, Any]) -> int | None:
    if body["status"] == "pending":
        return notes["leaves_at"]
    return body["arrival_date"] if body["status"] == "in_transit" else None


@scheduled("payout", _next)
def go_on(world: World, payout: Obj) -> None:
    """Time passes: it leaves, and two days later it is there."""
    _as_owner(world, payout)
    if payout["status"] == "pending":
        _leave(world, payout)
    else:
        settle_payout(world, payout, "paid")


def _as_owner(world: World, payout: Obj) -> None:
    """Events and bookings are the account's whose payout it is."""
    owner = world.notes(payout["id"])["account"]
    world.cause = Cause(base_url=world.cause.base_url, account=owner)


def _leave(world: World, payout: Obj) -> None:
    with changing(world, "payout.updated", payout):
        payout["status"] = "in_transit"


def settle_payout(
    world: World, payout: Obj, status: str, failure_code: str = "account_closed"
) -> Obj:
    """What the bank said in the end; `failed` may come even after `paid`."""
    _as_owner(world, payout)
    if payout["status"] in ("failed", "canceled") or payout["status"] == status:
        raise InvalidRequest(f"This payout is already {payout['status']}.", "status")
    if payout["status"] == "pending":
        _leave(world, payout)
    if status == "paid":
        with changing(world, "payout.paid", payout):
            payout.update(status="paid", trace_id={"status": "supported", "value": "ABC123"})
        return payout
    if failure_code not in _FAILURES:
        raise InvalidRequest(f"failure_code is one of {', '.join(_FAILURES)}", "failure_code")
    returned = _booked(world, payout, "payout_failure", payout["amount"])
    with changing(world, "payout.failed", payout):
        payout.update(
            status="failed",
            failure_balance_transaction=returned,
            failure_code=failure_code,
            failure_message=_FAILURES[failure_code],
        )
    return payout


@operation("POST", "/v1/payouts/{id}/cancel", "PayoutCancelParams")
def cancel(call: Call) -> Obj:
    payout = retrieve(call)
    if payout["status"] != "pending":
        raise InvalidRequest(
            "Payouts can only be canceled while they are pending; this one is"
            f" {payout['status'].replace('_', ' ')}.",
        )
    returned = _booked(call.world, payout, "payout_cancel", payout["amount"])
    with changing(call.world, "payout.canceled", payout):
        payout.update(status="canceled", failure_balance_transaction=returned)
    return payout


@operation("GET", "/v1/payouts/{id}", "PayoutRetrieveParams")
def retrieve(call: Call) -> Obj:
    payout = call.world.get("payout", call.id, in_url=True)
    if call.world.notes(call.id)["account"] != call.world.cause.account:
        raise InvalidRequest(f"No such payout: '{call.id}'", "id", "resource_missing", 404)
    return payout


@operation("POST", "/v1/payouts/{id}", "PayoutUpdateParams")
def update(call: Call) -> Obj:
    payout = retrieve(call)
    with changing(call.world, "payout.updated", payout):
        payout["metadata"] = merged(payout["metadata"], call.params.get("metadata"))
    return payout


@operation("GET", "/v1/payouts", "PayoutListParams")
def list_all(call: Call) -> Obj:
    wanted = call.params.get("arrival_date")
    return listed(
        call,
        "payout",
        ("destination", "status"),
        where=lambda row: wanted is None or in_range(row.body["arrival_date"], wanted),
    )
