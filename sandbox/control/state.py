"""Starting over, moving the clock, and what a real account has in its dashboard."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.errors import InvalidRequest
from sandbox.resources.settings import change
from sandbox.sandbox import Sandbox
from sandbox.world.clock import advance

from .answers import call, cause_of


@call
def reset(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    sandbox.reset()
    return {"ok": True}


@call
def move_clock(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    world = sandbox.world
    if "advance_seconds" in body:
        to = world.now() + int(body["advance_seconds"])
    elif "to" in body:
        to = _instant(body["to"])
    else:
        raise InvalidRequest("Give advance_seconds or to.", "advance_seconds")
    if to < world.now():
        raise InvalidRequest("The clock only goes forward.", "to")
    advance(world, to, cause_of(request).base_url)
    return _clock(sandbox)


def _instant(value: Any) -> int:
    if isinstance(value, int):
        return value
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise InvalidRequest("Not a time in ISO 8601.", "to") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


@call
def show_clock(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    return _clock(sandbox)


def _clock(sandbox: Sandbox) -> dict[str, Any]:
    now = sandbox.world.now()
    return {
        "now": now,
        "iso": datetime.fromtimestamp(now, UTC).isoformat(),
        "offset_seconds": sandbox.world.offset,
    }


@call
def change_settings(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    with sandbox.world.work():
        return change(sandbox.world, body)


ROUTES = [
    Route("/_sandbox/reset", reset, methods=["POST"]),
    Route("/_sandbox/clock", move_clock, methods=["POST"]),
    Route("/_sandbox/clock", show_clock, methods=["GET"]),
    Route("/_sandbox/settings", change_settings, methods=["POST"]),
]
