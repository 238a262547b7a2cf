"""Answering the tester's calls: JSON in, JSON out, errors as Stripe words them."""

import functools
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.errors import InvalidRequest, StripeError
from sandbox.sandbox import Sandbox
from sandbox.world.rows import Cause

Act = Callable[[Sandbox, Request, dict[str, Any]], Any]


def call(act: Act) -> Callable[[Request], Any]:
    """Make a route of a function that gets the sandbox, the request and its JSON body."""

    @functools.wraps(act)
    async def answer(request: Request) -> Response:
        try:
            body = await _body(request)
            return JSONResponse(act(request.app.state.sandbox, request, body))
        except StripeError as error:
            return JSONResponse({"error": error.body}, error.status)

    return answer


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        raise InvalidRequest("The body must be JSON.") from None
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return body


def cause_of(request: Request) -> Cause:
    """A person or a test did it: no request id, but links must point here."""
    host = request.headers.get("host", request.url.netloc)
    return Cause(base_url=f"{request.url.scheme}://{host}")


def needed(body: dict[str, Any], name: str) -> Any:
    if name not in body:
        raise InvalidRequest(f"Missing required param: {name}.", name, "parameter_missing")
    return body[name]
