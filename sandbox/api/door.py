"""A request to `/v1`: understood, executed once, answered; or refused the way Stripe refuses."""

import asyncio
import json
import time
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sandbox import API_FAMILY, API_VERSION
from sandbox.contract.checks import check_answer
from sandbox.contract.forms import decode
from sandbox.errors import InvalidRequest, StripeError
from sandbox.sandbox import Sandbox
from sandbox.world.copies import copied
from sandbox.world.ids import random_text
from sandbox.world.rows import Cause, Obj, World

from . import connections, idempotency
from .expand import expanded
from .faults import Fault, fault_body
from .keys import check_key
from .operations import Call, find, is_real
from .parameters import validated


@dataclass(slots=True)
class Incoming:
    """A request as it came, with its answer as it grows."""

    method: str
    path: str
    raw: str
    headers: dict[str, str]
    base_url: str
    id: str = field(default_factory=lambda: f"req_{random_text(14)}")
    status: int = 200
    answer: Obj = field(default_factory=dict)
    extra_headers: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key") if self.method == "POST" else None

    @property
    def cause(self) -> Cause:
        account = self.headers.get("stripe-account")
        return Cause(self.id, self.key, self.base_url, account)


async def door(request: Request) -> Response:
    sandbox: Sandbox = request.app.state.sandbox
    incoming = await _read(request)
    key = incoming.key
    fault = sandbox.faults.take(incoming.method, incoming.path)
    if key and key in sandbox.keys_in_use:
        _refuse(incoming, idempotency.in_use(key))
        fault = None
    else:
        if key:
            sandbox.keys_in_use.add(key)
        try:
            await _with_fault(sandbox, incoming, fault)
        finally:
            sandbox.keys_in_use.discard(key or "")
    sandbox.log_request(incoming, fault.mode if fault else None)
    if fault and fault.mode in ("reset_before", "reset_after") and request.client:
        connections.reset((request.client.host, request.client.port))
    return _response(incoming, fault, sandbox.world.now())


async def _read(request: Request) -> Incoming:
    body = await request.body()
    raw = body.decode(errors="replace")
    if not raw and request.method in ("GET", "DELETE"):
        raw = request.url.query
    headers = {name.lower(): value for name, value in request.headers.items()}
    base_url = f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"
    return Incoming(request.method, request.url.path, raw, headers, base_url)


async def _with_fault(sandbox: Sandbox, incoming: Incoming, fault: Fault | None) -> None:
    if fault and fault.mode == "delay":
        await asyncio.sleep(fault.seconds)
    if fault and fault.mode == "status":
        incoming.status, incoming.answer = fault.status, fault_body(fault.status)
        if fault.retry_header is not None:
            incoming.extra_headers["Stripe-Should-Retry"] = str(fault.retry_header).lower()
        if fault.retry_after is not None:
            incoming.extra_headers["Retry-After"] = str(fault.retry_after)
    elif not (fault and fault.mode == "reset_before"):
        execute(sandbox, incoming)


def execute(sandbox: Sandbox, incoming: Incoming) -> None:
    try:
        _execute(sandbox, incoming)
    except StripeError as error:
        _refuse(incoming, error)
    except Exception as error:
        traceback.print_exc()
        message = f"sandbox bug: {error!r}"[:1000]
        incoming.status = 500
        incoming.answer = {"error": {"type": "api_error", "message": message}}


def _execute(sandbox: Sandbox, incoming: Incoming) -> None:
    world, cause = sandbox.world, incoming.cause
    check_key(incoming.headers.get("authorization"))
    _check_version(incoming.headers.get("stripe-version"))
    _check_account(world, cause.account)
    found = find(incoming.method, incoming.path)
    if found is None:
        raise _unknown_path(incoming)
    operation, ids = found
    params = _decoded(incoming)
    print_ = idempotency.fingerprint(incoming.method, incoming.path, params)
    if incoming.key and _replay(sandbox, incoming, print_):
        return
    typed = validated(operation.params, params)
    paths = typed.pop("expand", None) or []
    call = Call(world, typed, ids, incoming.path)
    try:
        with world.work(cause):
            incoming.answer = expanded(world, operation.handler(call), paths)
            if not _is_hand_made(world, incoming.answer):
                check_answer(incoming.answer)
            _remember(sandbox, incoming, print_)
    except StripeError as error:
        _refuse(incoming, error)
        with world.work(cause):
            _remember(sandbox, incoming, print_)


def _is_hand_made(world: World, answer: Obj) -> bool:
    row = world.rows.get(answer.get("id", ""))
    return bool(row and row.notes.get("hand_made"))


def _replay(sandbox: Sandbox, incoming: Incoming, print_: str) -> bool:
    account = incoming.cause.account
    before = idempotency.recorded(sandbox.world, incoming.key or "", account, print_)
    if before is None:
        return False
    incoming.status, incoming.answer = before["status"], before["answer"]
    incoming.extra_headers["Idempotent-Replayed"] = "true"
    incoming.extra_headers["Original-Request"] = before["request"]
    return True


def _remember(sandbox: Sandbox, incoming: Incoming, print_: str) -> None:
    if incoming.key:
        idempotency.record(sandbox.world, incoming.key, print_, incoming.status, incoming.answer)


def _decoded(incoming: Incoming) -> dict[str, Any]:
    if "json" in incoming.headers.get("content-type", "") and incoming.raw.startswith("{"):
        return json.loads(incoming.raw)
    return decode(incoming.raw)


def _check_version(version: str | None) -> None:
    if version and not version.endswith(f".{API_FAMILY}"):
        raise InvalidRequest(
            f"Invalid Stripe API version: {version}. This sandbox speaks {API_VERSION} only."
        )


def _check_account(world: World, account: str | None) -> None:
    row = world.rows.get(account or "")
    if account and (row is None or row.kind != "account"):
        raise StripeError(
            403,
            "invalid_request_error",
            f"The provided key does not have access to account '{account}' (or that account does"
            " not exist). Application access may have been revoked.",
            code="account_invalid",
        )


def _unknown_path(incoming: Incoming) -> StripeError:
    if is_real(incoming.method, incoming.path):
        return StripeError(
            501,
            "api_error",
            f"The sandbox does not do {incoming.method} {incoming.path} yet; Stripe does.",
        )
    return InvalidRequest(
        f"Unrecognized request URL ({incoming.method}: {incoming.path}). If you are trying to list"
        " objects, remove the trailing slash. If you are trying to retrieve an object, make sure"
        " you passed a valid (non-empty) identifier in your code. Please see"
        " https://stripe.com/docs or we can help at https://support.stripe.com/.",
        status=404,
    )


def _refuse(incoming: Incoming, error: StripeError) -> None:
    url = f"{incoming.base_url}/_sandbox#{incoming.id}"
    incoming.status = error.status
    body = {**error.body, "request_log_url": url}
    incoming.answer = {"error": copied(body)}


def _response(incoming: Incoming, fault: Fault | None, now: int) -> Response:
    content = json.dumps(incoming.answer).encode()
    headers = {
        # When it is here: the one thing that tells how old the object in an answer is.
        "Date": formatdate(now, usegmt=True),
        "Request-Id": incoming.id,
        "Stripe-Version": incoming.headers.get("stripe-version", API_VERSION),
        **incoming.extra_headers,
    }
    if incoming.key:
        headers["Idempotency-Key"] = incoming.key
    if fault and fault.mode == "slow_drip":
        drip = _dripping(content, fault.seconds)
        return StreamingResponse(drip, incoming.status, headers, "application/json")
    return Response(content, incoming.status, headers, "application/json")


async def _dripping(content: bytes, seconds: float) -> AsyncIterator[bytes]:
    started = time.monotonic()
    for number in range(len(content)):
        yield content[number : number + 1]
        left = seconds * (number + 1) / len(content) - (time.monotonic() - started)
        if left > 0.01:
            await asyncio.sleep(left)
