"""The way of news to Redis, which may be down or hang: nobody waits for it, and nothing is lost
silently."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterable

import redis
from redis.client import Pipeline

from config.kit.errors import as_words
from config.kit.redis_client import absence, redis_client
from sessions_live.rooms import has_feed

log = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 3600
# The time in microseconds, or one more than the last of all feeds: so whoever reads several has
# them in one order. It grows even over a Redis that was emptied, and is exact in a browser.
NEWEST = "live:newest"
NEXT_ID = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local id = string.format('%.0f', math.max(now, tonumber(redis.call('GET', KEYS[2]) or 0) + 1))
redis.call('SET', KEYS[2], id)
"""
# Those who read the room's feed later find the gap in it, those who listen are told at once.
BREAK = f"""
if ARGV[3] ~= '0' then
  {NEXT_ID}
  redis.call('XADD', KEYS[1], id .. '-0', 'frame', '{{"type":"reset"}}')
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
redis.call('PUBLISH', ARGV[1], 'reset ' .. ARGV[2] .. ' -')
"""


class Line:
    """Once Redis did not answer it is left alone for a moment, so that a batch of a hundred
    payments does not wait a hundred seconds for a Redis that hangs. The rooms that missed something
    meanwhile are told so as soon as it is back."""

    REST = 5.0
    RETRY = 1.0

    def __init__(self) -> None:
        self.rests_until = 0.0
        self._lost: set[str] = set()
        self._lock = threading.Lock()
        self._mending: threading.Thread | None = None

    def say(self, command: Callable[[Pipeline], object], *, rooms: Iterable[str]) -> None:
        if absence.lasts or time.monotonic() < self.rests_until:
            self._lose(rooms)
        else:
            self.insist(command, rooms=rooms)

    def insist(self, command: Callable[[Pipeline], object], *, rooms: Iterable[str]) -> None:
        """Does not spare itself the wait: for the few things that cannot be late."""
        try:
            self._run(command)
        except redis.RedisError as error:
            self.rests_until = time.monotonic() + self.REST
            absence.begins()
            log.warning("news were not told, and none are for a moment: %s", as_words(error))
            self._lose(rooms)

    @property
    def is_mending(self) -> bool:
        return self._mending is not None and self._mending.is_alive()

    def _run(self, command: Callable[[Pipeline], object]) -> None:
        with redis_client().pipeline(transaction=False) as commands:
            command(commands)
            commands.execute()

    def _lose(self, rooms: Iterable[str]) -> None:
        with self._lock:
            self._lost.update(rooms)
            if self._lost and not self.is_mending:
                self._mending = threading.Thread(target=self._mend, name="live-line", daemon=True)
                self._mending.start()

    def _mend(self) -> None:
        while True:
            time.sleep(self.RETRY)
            if self._tell_of_losses():
                with self._lock:
                    if not self._lost:
                        self._mending = None
                        return

    def _tell_of_losses(self) -> bool:
        with self._lock:
            rooms, self._lost = self._lost, set()
        told = False
        try:
            self._run(functools.partial(_break, rooms=rooms))
            self.rests_until, told = 0.0, True
            absence.ends()
        except redis.RedisError:
            log.info("%s rooms wait for Redis to hear that they missed something", len(rooms))
        finally:
            if not told:
                with self._lock:
                    self._lost |= rooms
        return told


def _break(commands: Pipeline, *, rooms: Iterable[str]) -> None:
    for room in rooms:
        kept = KEPT_SECONDS if has_feed(room) else 0
        commands.eval(BREAK, 2, feed_key(room), NEWEST, wire(), room, kept)


def feed_key(room: str) -> str:
    return f"live:feed:{room}"


def wire() -> str:
    """The one channel that all processes listen to; Redis' own databases do not divide channels."""
    database = redis_client().connection_pool.connection_kwargs.get("db", 0)
    return f"live:{database}"
