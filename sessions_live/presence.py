"""Which sessions are online: each process that holds sockets says so every few seconds, and what
nobody says any more is over. A disconnect that was never noticed changes nothing in that."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

import redis
import redis.asyncio

from config.kit.redis_client import redis_client

KEY = "live:online"
BEAT_SECONDS = 5.0
# Over two missed beats: a process that was only busy does not make people vanish.
ONLINE_FOR = 15_000
# After the last socket: the click from one page to the next is no departure.
GRACE = 3_000

# Redis' clock counts, as machines' clocks differ. Scores are the time until which one is online.
NOW = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""
ATTEND = f"""{NOW}
local come = {{}}
for i = 2, #ARGV do
  local seen = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if not seen or tonumber(seen) <= now then table.insert(come, ARGV[i]) end
  redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i])
end
return come
"""
DEPART = f"""{NOW}
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], 'XX', 'LT', now + ARGV[1], ARGV[i])
end
"""
# Taken out as they are found, so that one process alone tells of each.
SWEEP = f"""{NOW}
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 500)
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
return gone
"""
ONLINE = f"""{NOW}
local online = {{}}
for _, id in ipairs(ARGV) do
  local seen = redis.call('ZSCORE', KEYS[1], id)
  if seen and tonumber(seen) > now then table.insert(online, id) end
end
return online
"""


def online_among(session_ids: Collection[UUID]) -> set[UUID]:
    """Nobody is known to be online while Redis is away."""
    if not session_ids:
        return set()
    try:
        return _ids(redis_client().eval(ONLINE, 1, KEY, *map(str, session_ids)))
    except redis.RedisError:
        return set()


class Attendance:
    """A process's own part; every call may raise RedisError."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._redis = client

    async def attend(self, session_ids: Collection[UUID]) -> set[UUID]:
        """Returns those that were not online before."""
        return await self._run(ATTEND, ONLINE_FOR, session_ids)

    async def depart(self, session_ids: Collection[UUID]) -> None:
        """Other processes that hold one of them are to attend again within the grace."""
        await self._run(DEPART, GRACE, session_ids)

    async def sweep(self) -> set[UUID]:
        """Returns those that went offline, to one of all processes that ask."""
        return _ids(await self._redis.eval(SWEEP, 1, KEY))

    async def _run(self, script: str, milliseconds: int, ids: Collection[UUID]) -> set[UUID]:
        if not ids:
            return set()
        return _ids(await self._redis.eval(script, 1, KEY, milliseconds, *map(str, ids)))


def _ids(named: Iterable[bytes] | None) -> set[UUID]:
    return {UUID(each.decode()) for each in named or ()}
