"""Lists: newest first, filtered, with a cursor on either side."""

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.errors import InvalidRequest
from sandbox.world.rows import Obj, Row

from .operations import Call

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def in_range(value: int, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return all(_COMPARE[name](value, int(limit)) for name, limit in wanted.items())
    return value == wanted


def listed(
    call: Call, kind: str, equal: Iterable[str] = (), where: Callable[[Row], bool] | None = None
) -> Obj:
    """A page of the objects of a kind; `equal` names parameters that are plain fields."""
    params = call.params
    fields = {name: params[name] for name in equal if name in params}
    account = call.world.cause.account
    rows = [
        row
        for row in call.world.peek(kind)
        if row.account == account
        and all(row.body.get(name) == value for name, value in fields.items())
        and ("created" not in params or in_range(row.body["created"], params["created"]))
        and (where is None or where(row))
    ]
    return page(call, [row.body for row in reversed(rows)])


def page(call: Call, bodies: list[Obj]) -> Obj:
    """One page of objects that are already in the order to show."""
    params = call.params
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        bound = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
        raise InvalidRequest(f"This value must be {bound}.", "limit", "parameter_invalid_integer")
    if "starting_after" in params:
        rest = bodies[_position(call, bodies, "starting_after") + 1 :]
        chosen, more = rest[:limit], len(rest) > limit
    elif "ending_before" in params:
        rest = bodies[: _position(call, bodies, "ending_before")]
        chosen, more = rest[-limit:], len(rest) > limit
    else:
        chosen, more = bodies[:limit], len(bodies) > limit
    return {"object": "list", "data": chosen, "has_more": more, "url": call.path}


def _position(call: Call, bodies: list[Obj], cursor: str) -> int:
    wanted = call.params[cursor]
    for number, body in enumerate(bodies):
        if body["id"] == wanted:
            return number
    if row := call.world.rows.get(wanted):
        # It exists but the filter leaves it out: continue from where it would be.
        older = [n for n, b in enumerate(bodies) if call.world.rows[b["id"]].number < row.number]
        return (older[0] if older else len(bodies)) - (cursor == "starting_after")
    raise InvalidRequest(f"No such object: '{wanted}'", cursor, "resource_missing")
