"""Transfers: money of the platform that becomes a connected account's, and comes back."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.metadata import merged
from sandbox.api.operations import Call, operation
from sandbox.errors import InvalidRequest
from sandbox.money import formatted
from sandbox.webhooks.events import changing, emit
from sandbox.world.ids import random_text
from sandbox.world.rows import Obj, World

from .account import ACCOUNT_ID
from .balance import book, totals


@operation("POST", "/v1/transfers", "TransferCreateParams")
def create(call: Call) -> Obj:
    world, params = call.world, call.params
    account = _destination(world, params["destination"])
    amount, currency = _amount(params), params["currency"].lower()
    charge = _source(world, params, amount, currency)
    if charge is None:
        check_available(world, amount, currency)
    transfer = world.new(
        "transfer",
        amount=amount,
        currency=currency,
        description=params.get("description"),
        destination=account["id"],
        destination_payment=f"py_{random_text(24)}",
        metadata=merged({}, params.get("metadata")),
        source_transaction=charge["id"] if charge else None,
        source_type="card",
        transfer_group=params.get("transfer_group"),
    )
    transfer["reversals"]["url"] = f"/v1/transfers/{transfer['id']}/reversals"
    until = _pending_until(world, charge)
    taken = book(world, "transfer", -amount, currency, source=transfer["id"])
    transfer["balance_transaction"] = taken["id"]
    _book_there(world, account, amount, currency, transfer["destination_payment"], until)
    world.add(transfer)
    emit(world, "transfer.created", transfer)
    return transfer


def _destination(world: World, id_: str) -> Obj:
    account = world.get("account", id_, "destination")
    if account["id"] == ACCOUNT_ID:
        raise InvalidRequest("You cannot transfer money to your own account.", "destination")
    if account["capabilities"].get("transfers") != "active":
        raise InvalidRequest(
            "Your destination account needs to have at least one of the following capabilities"
            " enabled: transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )
    return account


def _amount(params: dict[str, Any]) -> int:
    if "amount" not in params:
        raise InvalidRequest("Missing required param: amount.", "amount", "parameter_missing")
    amount: int = params["amount"]
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer"
        )
    return amount


def _source(world: World, params: dict[str, Any], amount: int, currency: str) -> Obj | None:
    if "source_transaction" not in params:
        return None
    charge = world.get("charge", params["source_transaction"], "source_transaction")
    if charge["currency"] != currency:
        raise InvalidRequest(
            "The currency of source_transaction's balance transaction must be the same as the"
            " transfer currency.",
            "currency",
        )
    taken = sum(
        each["amount"] - each["amount_reversed"]
        for each in world.select("transfer", source_transaction=charge["id"])
    )
    left = charge["amount_captured"] - charge["amount_refunded"] - taken
    if amount > left:
        raise InvalidRequest(
            f"Transfers using this transaction as a source must not exceed the source amount of"
            f" {formatted(left, currency)}.",
            "amount",
        )
    return charge


def check_available(world: World, amount: int, currency: str) -> None:
    """Of the account that asks."""
    available = totals(world).get(currency, {}).get("available", 0)
    if amount > available:
        raise InvalidRequest(
            "You have insufficient available funds in your Stripe account. Try adding funds"
            " directly to your available balance by creating Charges using the 4000000000000077"
            " test card. See: https://stripe.com/docs/testing#available-balance",
            code="balance_insufficient",
        )


def _pending_until(world: World, charge: Obj | None) -> int | None:
    if charge is None:
        return None
    booked = world.find("balance_transaction", charge["balance_transaction"])
    return booked["available_on"] if booked and booked["status"] == "pending" else None


def _book_there(
    world: World, account: Obj, amount: int, currency: str, source: str, until: int | None
) -> None:
    before = world.cause.account
    world.cause.account = account["id"]
    try:
        given = book(world, "payment", amount, currency, source=source, available=until is None)
        if until is not None:
            given["available_on"] = until
    finally:
        world.cause.account = before


@operation("GET", "/v1/transfers/{id}", "TransferRetrieveParams")
def retrieve(call: Call) -> Obj:
    return call.world.get("transfer", call.id, in_url=True)


@operation("POST", "/v1/transfers/{id}", "TransferUpdateParams")
def update(call: Call) -> Obj:
    transfer = retrieve(call)
    with changing(call.world, "transfer.updated", transfer):
        transfer["metadata"] = merged(transfer["metadata"], call.params.get("metadata"))
        if "description" in call.params:
            transfer["description"] = call.params["description"] or None
    return transfer


@operation("GET", "/v1/transfers", "TransferListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "transfer", ("destination", "transfer_group"))


@operation("POST", "/v1/transfers/{id}/reversals", "TransferCreateReversalParams")
def reverse(call: Call) -> Obj:
    world, params = call.world, call.params
    transfer = world.get("transfer", call.id, in_url=True)
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = params.get("amount", left)
    if not 0 < amount <= left:
        raise InvalidRequest(
            f"Reversal amount ({formatted(amount, transfer['currency'])}) is greater than"
            f" unreversed amount on transfer ({formatted(left, transfer['currency'])})",
            "amount",
        )
    account = world.get("account", transfer["destination"])
    _check_there(world, account, amount, transfer["currency"])
    reversal = world.new(
        "transfer_reversal",
        amount=amount,
        currency=transfer["currency"],
        metadata=merged({}, params.get("metadata")),
        transfer=transfer["id"],
    )
    given = book(world, "transfer_refund", amount, transfer["currency"], source=reversal["id"])
    reversal["balance_transaction"] = given["id"]
    _book_there(world, account, -amount, transfer["currency"], reversal["id"], None)
    world.add(reversal)
    with changing(world, "transfer.reversed", transfer):
        transfer["amount_reversed"] += amount
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        transfer["reversals"]["data"].insert(0, dict(reversal))
    return reversal


def _check_there(world: World, account: Obj, amount: int, currency: str) -> None:
    before = world.cause.account
    world.cause.account = account["id"]
    try:
        sums = totals(world).get(currency, {"available": 0, "pending": 0})
    finally:
        world.cause.account = before
    if amount > sums["available"] + sums["pending"]:
        raise InvalidRequest(
            "The recipient's account does not have enough funds to reverse this transfer.",
            code="insufficient_funds",
        )


@operation("GET", "/v1/transfers/{id}/reversals", "TransferListReversalsParams")
def list_reversals(call: Call) -> Obj:
    return listed(call, "transfer_reversal", where=lambda row: row.body["transfer"] == call.ids[0])
