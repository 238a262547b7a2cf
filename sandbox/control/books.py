"""The provider's own books, for holding a ledger against."""

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.resources.balance import totals
from sandbox.sandbox import Sandbox
from sandbox.world.rows import Cause

from .answers import call


@call
def balance(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Per currency: the sums, and what was moved for which reason."""
    world = sandbox.world
    with world.work(Cause(account=request.query_params.get("account"))):
        sums: dict[str, Any] = totals(world)
        for row in world.peek("balance_transaction"):
            if row.account != world.cause.account:
                continue
            of = sums[row.body["currency"]]
            moved = of.setdefault("by_category", {})
            category = row.body["reporting_category"]
            moved[category] = moved.get(category, 0) + row.body["amount"]
    for of in sums.values():
        of["total"] = of["available"] + of["pending"]
    return sums


ROUTES = [Route("/_sandbox/balance", balance, methods=["GET"])]
