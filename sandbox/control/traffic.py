"""How webhooks go out, what was sent, and what was received."""

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.errors import InvalidRequest
from sandbox.sandbox import Sandbox
from sandbox.webhooks.deliveries import MODES

from .answers import call


@call
def change_mode(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """`{mode, n?}`: copies to send, how many to shuffle at a time, or how many to lose."""
    if body.get("mode") not in MODES:
        raise InvalidRequest(f"mode must be one of {', '.join(MODES)}", "mode")
    sandbox.courier.set_mode(body["mode"], body.get("n"))
    return _state(sandbox)


def _state(sandbox: Sandbox) -> dict[str, Any]:
    courier = sandbox.courier
    return {"mode": courier.mode, "n": courier.count, "held": len(courier.held)}


@call
def flush(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    return {"sent": sandbox.courier.flush(), **_state(sandbox)}


@call
def deliveries(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> list[dict[str, Any]]:
    rows = list(sandbox.world.peek("_delivery"))
    wanted = request.query_params.get("event")
    found = [r.body for r in reversed(rows) if not wanted or r.body["event"] == wanted]
    return found[: int(request.query_params.get("limit", 200))]


@call
def requests(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> list[dict[str, Any]]:
    match = request.query_params.get("match", "")
    found = [r for r in sandbox.requests if match in f"{r['method']} {r['path']}"]
    return found[: int(request.query_params.get("limit", 200))]


ROUTES = [
    Route("/_sandbox/deliveries", change_mode, methods=["POST"]),
    Route("/_sandbox/deliveries", deliveries, methods=["GET"]),
    Route("/_sandbox/deliveries/flush", flush, methods=["POST"]),
    Route("/_sandbox/requests", requests, methods=["GET"]),
]
