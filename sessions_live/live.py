"""News to a person's browsers, on commit: kept for a day for those who were away, and sent now.

Lost news is harmless, as everything can be asked by HTTP; so Redis may be down or hang.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import redis
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from config.kit.errors import as_words
from config.kit.redis_client import redis_client

log = logging.getLogger(__name__)

KEPT_EVENTS = 1_000
KEPT_SECONDS = 24 * 3600

# The id is the time in microseconds, or one more than the last: it grows even over a Redis that
# was emptied, and is exact in a browser's numbers. Only here is it known, so the frame is closed
# here as well; it travels as text from now on.
PUSH = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local id = now
if last[1] then id = math.max(now, tonumber(string.match(last[1][1], '^%d+')) + 1) end
id = string.format('%.0f', id)
local frame = '{"event_id":' .. id .. ',' .. ARGV[2]
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], id .. '-0', 'frame', frame)
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', now - ARGV[4] * 1000000))
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[1], 'deliver ' .. ARGV[5] .. ' ' .. id .. ' ' .. frame)
return id
"""


def push(user_id: int, type: str, data: Mapping[str, Any]) -> None:  # noqa: A002 - the wire's word
    """Sends on commit, outside of a transaction at once; never raises, never waits long."""
    body = json.dumps({"type": type, "data": data}, cls=DjangoJSONEncoder, separators=(",", ":"))
    transaction.on_commit(functools.partial(_send, user_id, body), robust=True)


def hang_up(session_id: UUID | str, *, code: int = 4401) -> None:
    """Closes the session's sockets in every process, when the transaction commits."""
    transaction.on_commit(functools.partial(_hang_up, session_id, code), robust=True)


def wire() -> str:
    """The one channel that all processes listen to; Redis' own databases do not divide channels."""
    database = redis_client().connection_pool.connection_kwargs.get("db", 0)
    return f"live:{database}"


def payments_room(user_id: int) -> str:
    return f"payments.{user_id}"


def session_room(session_id: UUID | str) -> str:
    return f"session.{session_id}"


def feed_key(user_id: int) -> str:
    return f"live:feed:{user_id}"


class _Line:
    """The way to Redis. Once it did not answer it is left alone for a moment, so that a batch of a
    hundred payments does not wait a hundred seconds for a Redis that hangs."""

    REST = 5.0

    def __init__(self) -> None:
        self.rests_until = 0.0

    def say(self, what: str, command: Callable[[redis.Redis], object]) -> None:
        if time.monotonic() < self.rests_until:
            return
        try:
            command(redis_client())
        except redis.RedisError as error:
            self.rests_until = time.monotonic() + self.REST
            log.warning("%s was not told, and nothing is for a moment: %s", what, as_words(error))


_line = _Line()


def _send(user_id: int, body: str) -> None:
    terms = [wire(), body[1:], KEPT_EVENTS, KEPT_SECONDS, payments_room(user_id)]
    _line.say(f"user {user_id}", lambda line: line.eval(PUSH, 1, feed_key(user_id), *terms))


def _hang_up(session_id: UUID | str, code: int) -> None:
    # Sockets look again by themselves every half minute, so a lost call is only later.
    message = f"hangup {session_room(session_id)} {code}"
    _line.say(f"session {session_id}", lambda line: line.publish(wire(), message))
