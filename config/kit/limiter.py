"""How often something may happen in a sliding window, exactly, however many ask at once.

Redis decides in one step. While Redis is away nobody is refused: a sign-in must not depend on it.
"""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from config.kit.errors import AppError, as_words
from config.kit.redis_client import absence, redis_client

log = logging.getLogger(__name__)

# All limits or none: a try that one of them refuses is not counted by the others.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local wait = 0
for i, key in ipairs(KEYS) do
  local allowed, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  if redis.call('ZCARD', key) >= allowed and not redis.call('ZSCORE', key, ARGV[1]) then
    local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    wait = math.max(wait, oldest[2] + window - now, 1)
  end
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, ARGV[1])
  redis.call('PEXPIRE', key, ARGV[2 * i + 1])
end
return 0
"""


class TooMany(AppError):
    code = "throttled"
    status = 429

    def __init__(self, milliseconds: int) -> None:
        self.wait = math.ceil(milliseconds / 1000)
        super().__init__(f"Too many tries; try again in {self.wait} s.")


@dataclass(frozen=True, slots=True)
class Limit:
    """`allowed` times in `seconds`, counted for one `subject`, such as an address or an account."""

    name: str
    subject: str
    allowed: int
    seconds: int = 60

    @property
    def key(self) -> str:
        return f"limit:{self.name}:{self.subject}"


class _Outage:
    """Says once that Redis is away, and once that it is back."""

    def __init__(self) -> None:
        self.on = False

    def begins(self, error: Exception) -> None:
        absence.begins()
        if not self.on:
            log.error("limits are off while Redis is away: %s", as_words(error))
        self.on = True

    def ends(self) -> None:
        if self.on:
            log.warning("Redis is back, limits are on")
        self.on = False


_outage = _Outage()


def take(*limits: Limit, attempt: str = "") -> str:
    """Counts one try and returns its name for `give_back`; raises TooMany and counts nothing. Tries
    of one name count as one."""
    attempt = attempt or uuid.uuid4().hex
    terms = [term for limit in limits for term in (limit.allowed, limit.seconds * 1000)]
    if absence.lasts:
        return attempt
    try:
        keys = [limit.key for limit in limits]
        wait = redis_client().eval(TAKE, len(keys), *keys, attempt, *terms)
    except redis.RedisError as error:
        _outage.begins(error)
        return attempt
    _outage.ends()
    if wait:
        raise TooMany(int(wait))
    return attempt


def take_each(limits: Sequence[Limit]) -> list[str | None]:
    """As `take` for each by itself, in one round trip: the name of its try, or None where it is
    one too many."""
    attempts: list[str] = [uuid.uuid4().hex for _ in limits]
    if not limits or absence.lasts:
        return list(attempts)
    asked = redis_client().pipeline(transaction=False)
    for limit, attempt in zip(limits, attempts, strict=True):
        asked.eval(TAKE, 1, limit.key, attempt, limit.allowed, limit.seconds * 1000)
    try:
        waits = asked.execute()
    except redis.RedisError as error:
        _outage.begins(error)
        return list(attempts)
    _outage.ends()
    return [None if wait else attempt for wait, attempt in zip(waits, attempts, strict=True)]


def give_back(attempt: str, limit: Limit) -> None:
    """The try turned out to be none of those that are limited."""
    if _outage.on:
        # It was not counted either, and another second's wait for a hung Redis is one too many.
        return
    try:
        redis_client().zrem(limit.key, attempt)
    except redis.RedisError as error:
        _outage.begins(error)
