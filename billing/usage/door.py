"""`POST /api/v1/usage` where many tell at the same moment: what waits is counted together.

An ASGI callable before Django, for what is plainly to be counted. All else goes on to Django as if
this door were not there, so that refusals, repetitions and rare requests have one home. Usage
without an event_id goes on too: only what can be told again may be tried here first.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection
from rest_framework.exceptions import ValidationError
from rest_framework.utils.json import loads

from billing.usage.gathering import Gathering
from billing.usage.metering import Standing, Usage
from billing.usage.serializers import read_plain_usage, read_usage, shown
from billing.usage.together import Told, meter_together
from config.kit import request_id
from config.kit.bearers import Bearers, Caller
from config.kit.errors import as_words
from config.kit.json_parser import DEEPEST, is_deeper_than
from config.kit.measuring import answered

log = logging.getLogger(__name__)

PATH, SCOPE = "/api/v1/usage", "usage:write"
ROUTE = "^api/v1/usage/?$"
LARGEST = 8_192
MOST_SHAPES, LARGEST_SHAPE = 500, 2_000
# Of a request and of an answer: what may differ between two that are otherwise treated the same.
OWN_OF_REQUESTS = frozenset(
    b"authorization content-length user-agent x-request-id x-forwarded-for x-real-ip traceparent"
    b" tracestate x-amzn-trace-id cf-ray cf-connecting-ip".split()
)
OWN_OF_ANSWERS = {b"content-length", b"x-request-id"}
# As DRF's renderer is set up, which is made for any kind of object.
WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Shape = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A usage, and the kind of credential that it came with."""

    kind: Bearers
    recognised: Any
    usage: Usage


class UsageDoor:
    def __init__(self, otherwise: Application, kinds: Sequence[Bearers]) -> None:
        self._otherwise, self._kinds = otherwise, kinds
        self._gathering = Gathering(count)
        # The headers that Django's answer has, by a request's shape. So whatever our middleware
        # does to an answer is done to those from here, and whom it refuses is never let in here.
        self._learnt: dict[Shape, Headers] = {}

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"] != PATH or scope["method"] != "POST" or not is_plain(scope):
            return await self._otherwise(scope, receive, send)
        started = time.perf_counter()
        messages = await read(receive)
        receive = again(messages, receive)
        asked = self._understand(scope, messages)
        if asked is None or self._gathering.is_full:
            return await self._otherwise(scope, receive, send)
        shape = shape_of(scope)
        headers = self._learnt.get(shape)
        if headers is None:
            return await self._otherwise(scope, receive, self._learning(shape, send))
        standing = await self._gathering.ask(asked)
        if standing is None:
            return await self._otherwise(scope, receive, send)
        await answer(scope, standing, headers, send)
        answered("POST", ROUTE, 201, time.perf_counter() - started)
        return None

    def _understand(self, scope: dict[str, Any], messages: list[Message]) -> Asked | None:
        scheme, _, bearer = header(scope, b"authorization").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or bearer != bearer.strip():
            return None
        usage = understand(b"".join(message.get("body", b"") for message in messages))
        if usage is None:
            return None
        for kind in self._kinds:
            recognised = kind.recognise(bearer)
            if recognised is not None:
                return Asked(kind, recognised, usage)
        return None

    def _learn(self, shape: Shape, headers: Headers) -> None:
        names = {name.lower() for name, _ in headers}
        if b"set-cookie" in names or size(shape) > LARGEST_SHAPE:
            return
        if len(self._learnt) >= MOST_SHAPES:
            del self._learnt[next(iter(self._learnt))]
        self._learnt[shape] = [pair for pair in headers if pair[0].lower() not in OWN_OF_ANSWERS]

    def _learning(self, shape: Shape, send: Send) -> Send:
        async def learn(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 201:
                self._learn(shape, message["headers"])
            await send(message)

        return learn


def is_plain(scope: dict[str, Any]) -> bool:
    length = header(scope, b"content-length")
    return (
        not scope["query_string"]
        and header(scope, b"content-type") == b"application/json"
        and length.isdigit()
        and len(length) <= len(str(LARGEST))
        and int(length) <= LARGEST
        and all(name != b"transfer-encoding" for name, _ in scope["headers"])
    )


def header(scope: dict[str, Any], name: bytes) -> bytes:
    """Empty where it does not stand exactly once."""
    found = [value for each, value in scope["headers"] if each == name]
    return found[0] if len(found) == 1 else b""


def shape_of(scope: dict[str, Any]) -> Shape:
    told = (pair for pair in scope["headers"] if pair[0] not in OWN_OF_REQUESTS)
    return (scope["scheme"], scope["http_version"], *told)


def size(shape: Shape) -> int:
    _scheme, _version, *headers = shape
    return sum(len(name) + len(value) for name, value in headers)


async def read(receive: Receive) -> list[Message]:
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def again(messages: list[Message], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def once_more() -> Message:
        return next(waiting, None) or await receive()

    return once_more


def understand(body: bytes) -> Usage | None:
    try:
        told = loads(body.decode())
        usage = read_plain_usage(told)
        if usage is None and not is_deeper_than(DEEPEST, told):
            usage = read_usage(told)
    except (ValueError, RecursionError, ValidationError):
        return None
    return usage if usage and usage.event_id else None


def count(asked: Sequence[Asked]) -> list[Standing | None]:
    """None for those that Django is to judge."""
    callers: list[Caller | None] = [None] * len(asked)
    try:
        find_callers(asked, callers)
        told = [
            Told(caller.user_id, each.usage) if caller else None
            for caller, each in zip(callers, asked, strict=True)
        ]
        standings = meter_together(told)
    except DatabaseError as error:
        # Whatever became of it: each is told of again, and an event that is there counts once.
        log.warning("usage is counted one by one: %s", as_words(error))
        standings = [None] * len(asked)
    except Exception:
        log.exception("usage is counted one by one")
        standings = [None] * len(asked)
    finally:
        # To the pool, which is there for all threads.
        connection.close()
    for caller, standing in zip(callers, standings, strict=True):
        if caller and standing is None:
            caller.give_back()
    return standings


def find_callers(asked: Sequence[Asked], callers: list[Caller | None]) -> None:
    for kind in {each.kind for each in asked}:
        places = [place for place, each in enumerate(asked) if each.kind is kind]
        found = kind.find([asked[place].recognised for place in places], SCOPE)
        for place, caller in zip(places, found, strict=True):
            callers[place] = caller


async def answer(scope: dict[str, Any], standing: Standing, headers: Headers, send: Send) -> None:
    body = WRITER.encode(shown(standing)).encode()
    offered = header(scope, b"x-request-id").decode("latin-1")
    own = [
        (b"x-request-id", request_id.accept(offered).encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 201, "headers": [*headers, *own]})
    await send({"type": "http.response.body", "body": body})
