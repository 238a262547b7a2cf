"""Top-ups: money of the platform's own bank that is added to its balance."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.money import check_currency
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World
from sandbox.world.schedule import scheduled

from .balance import book
from .transfers import check_available

_ARRIVAL_SECONDS = 2 * 24 * 3600


@operation("POST", "/v1/topups", "TopupCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    if params["amount"] < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer"
        )
    top_up = world.new(
        "topup",
        amount=params["amount"],
        currency=check_currency(params["currency"]),
        description=params.get("description"),
        expected_availability_date=world.now() + _ARRIVAL_SECONDS,
        metadata=merged({}, params.get("metadata")),
        statement_descriptor=params.get("statement_descriptor"),
        status="pending",
        transfer_group=params.get("transfer_group"),
    )
    world.add(top_up)
    emit(world, "topup.created", top_up)
    return top_up


def _due(body: Obj, notes: dict[str, Any]) -> int | None:
    return body["expected_availability_date"] if body["status"] == "pending" else None


@scheduled("topup", _due)
def arrive(world: World, top_up: Obj) -> None:
    settle_top_up(world, top_up, "succeeded")


def settle_top_up(world: World, top_up: Obj, status: str) -> Obj:
    """What the bank said; `reversed` may come even after `succeeded`, and only then."""
    wanted = "succeeded" if status == "reversed" else "pending"
    if top_up["status"] != wanted:
        raise InvalidRequest(f"This top-up is {top_up['status']}.", "status")
    if status == "reversed":
        check_available(world, top_up["amount"], top_up["currency"])
        _booked(world, top_up, "topup_reversal", -top_up["amount"])
    with changing(world, f"topup.{status}", top_up):
        if status == "succeeded":
            top_up["balance_transaction"] = _booked(world, top_up, "topup", top_up["amount"])
        if status == "failed":
            top_up.update(failure_code="insufficient_funds", failure_message="Insufficient funds.")
        top_up["status"] = status
    return top_up


def _booked(world: World, top_up: Obj, type_: str, amount: int) -> str:
    return str(book(world, type_, amount, top_up["currency"], source=top_up["id"])["id"])


@operation("POST", "/v1/topups/{id}/cancel", "TopupCancelParams")
def cancel(call: Call) -> Obj:
    return settle_top_up(call.world, retrieve(call), "canceled")


@operation("GET", "/v1/topups/{id}", "TopupRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("topup", call.id, in_url=True)


@operation("GET", "/v1/topups", "TopupListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "topup", ("status",))
