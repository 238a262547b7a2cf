"""The account's balance: one transaction for each movement, and their sum."""

from typing import Any

from sandbox.api.lists import listed
from sandbox.api.operations import Call, operation
from sandbox.world.rows import Obj, World
from sandbox.world.schedule import scheduled

_SETTLING_SECONDS = 2 * 24 * 3600


def book(
    world: World,
    type_: str,
    amount: int,
    currency: str,
    *,
    source: str | None = None,
    fee: int = 0,
    available: bool = True,
    description: str | None = None,
    category: str | None = None,
) -> Obj:
    """Write one movement into the provider's books."""
    detail = {
        "amount": fee, "application": None, "currency": currency,
        "description": "Stripe processing fees", "type": "stripe_fee",
    }  # fmt: skip
    return world.create(
        "balance_transaction",
        type=type_,
        amount=amount,
        currency=currency,
        fee=fee,
        fee_details=[detail] if fee else [],
        net=amount - fee,
        source=source,
        status="available" if available else "pending",
        available_on=world.now() + (0 if available else _SETTLING_SECONDS),
        description=description,
        reporting_category=category or type_,
    )


def _settles(body: Obj, notes: dict[str, Any]) -> int | None:
    return body["available_on"] if body["status"] == "pending" else None


@scheduled("balance_transaction", _settles)
def settle(world: World, transaction: Obj) -> None:
    transaction["status"] = "available"


def totals(world: World) -> dict[str, dict[str, int]]:
    """Per currency: what is available, pending, and kept as fees."""
    sums: dict[str, dict[str, int]] = {}
    for row in world.peek("balance_transaction"):
        if row.account != world.cause.account:
            continue
        body = row.body
        of = sums.setdefault(body["currency"], {"available": 0, "pending": 0, "fees": 0})
        of[body["status"]] += body["net"]
        of["fees"] += body["fee"]
    return sums


@operation("GET", "/v1/balance", "BalanceRetrieveParams")
def retrieve(call: Call) -> Obj:
    sums = totals(call.world) or {"usd": {"available": 0, "pending": 0}}

    def amounts(kind: str) -> list[Obj]:
        return [
            {"amount": of[kind], "currency": currency, "source_types": {"card": of[kind]}}
            for currency, of in sums.items()
        ]

    return {
        "object": "balance",
        "available": amounts("available"),
        "livemode": False,
        "pending": amounts("pending"),
    }


@operation("GET", "/v1/balance_transactions", "BalanceTransactionListParams")
def list_all(call: Call) -> Obj:
    return listed(call, "balance_transaction", ("currency", "source", "type"))


@operation("GET", "/v1/balance_transactions/{id}", "BalanceTransactionRetrieveParams")
def retrieve_one(call: Call) -> Obj:
    return call.world.get("balance_transaction", call.id, in_url=True)
