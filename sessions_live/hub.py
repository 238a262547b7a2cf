"""The sockets of this process and its one subscription to Redis, over which news reach them.

A frame comes encoded and is handed to every socket of its room as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID
from weakref import WeakKeyDictionary

import redis.asyncio
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.kit.errors import as_words
from sessions_live.handshake import UNAUTHENTICATED
from sessions_live.live import feed_key, wire
from sessions_live.models import LiveSession

if TYPE_CHECKING:
    from sessions_live.sockets import LiveSocket

log = logging.getLogger(__name__)

# After this silence the connection is asked for a sign of life, which it has as long to give.
SILENCE = 4.0
RETRY_SECONDS = 1.0
REAUTHORISE_SECONDS = 30.0


class Hub:
    def __init__(self) -> None:
        self._rooms: defaultdict[str, set[LiveSocket]] = defaultdict(set)
        self._sockets: dict[LiveSocket, tuple[str, ...]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = asyncio.Event()
        self._missed_something = False
        self._redis = _client()

    async def join(self, socket: LiveSocket, rooms: Iterable[str]) -> None:
        """Returns when news reach the socket, or when Redis has had its second to answer."""
        self._sockets[socket] = tuple(rooms)
        for room in self._sockets[socket]:
            self._rooms[room].add(socket)
        if not self._tasks:
            self._redis = _client()
            self._tasks = [
                asyncio.create_task(self._listen()),
                asyncio.create_task(self._reauthorise()),
            ]
        try:
            await asyncio.wait_for(
                self._listening.wait(), settings.REDIS_TIMEOUTS["socket_timeout"]
            )
        except TimeoutError:
            self._missed_something = True

    async def leave(self, socket: LiveSocket) -> None:
        for room in self._sockets.pop(socket, ()):
            self._rooms[room].discard(socket)
            if not self._rooms[room]:
                del self._rooms[room]
        if self._sockets:
            return
        tasks, client = self._tasks, self._redis
        self._tasks, self._missed_something = [], False
        self._listening.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.connection_pool.disconnect()

    async def read_feed(self, user_id: int, *, after: int, most: int) -> list[tuple[int, str]]:
        """What is kept from `after` on, itself included; raises RedisError."""
        kept = await self._redis.xrange(feed_key(user_id), min=f"{after}-0", count=most)
        return [(int(name.partition(b"-")[0]), fields[b"frame"].decode()) for name, fields in kept]

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await self._hear(subscription)
            except (redis.RedisError, OSError) as error:
                if self._listening.is_set() or not self._missed_something:
                    log.error("sockets hear no news while Redis is away: %s", as_words(error))
                self._listening.clear()
                self._missed_something = True
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, subscription: PubSub) -> None:
        await subscription.subscribe(wire())
        asked = True
        while True:
            message = await subscription.get_message(timeout=SILENCE)
            if message is None:
                if asked:
                    raise redis.TimeoutError("no sign of life")
                await subscription.ping()
                asked = True
                continue
            asked = False
            if message["type"] == "subscribe":
                self._begin()
            elif message["type"] == "message":
                self.pass_on(message["data"].decode())

    def _begin(self) -> None:
        self._listening.set()
        if self._missed_something:
            self._missed_something = False
            for socket in list(self._sockets):
                socket.reset()

    def pass_on(self, message: str) -> None:
        kind, room, rest = message.split(" ", 2)
        sockets = list(self._rooms.get(room, ()))
        if kind == "hangup":
            for socket in sockets:
                socket.hang_up(int(rest))
            return
        event_id, _, frame = rest.partition(" ")
        for socket in sockets:
            socket.deliver(int(event_id), frame)

    async def _reauthorise(self) -> None:
        """Finds within its span what no hang-up told of: one statement for all sockets."""
        while True:
            await asyncio.sleep(REAUTHORISE_SECONDS)
            sockets = list(self._sockets)
            try:
                usable = await usable_among({socket.session_id for socket in sockets})
            except DatabaseError as error:
                log.error("sockets were not authorised again: %s", as_words(error))
                continue
            for socket in sockets:
                if socket.session_id not in usable:
                    socket.hang_up(UNAUTHENTICATED)


@database_sync_to_async
def usable_among(session_ids: set[UUID]) -> set[UUID]:
    usable = LiveSession.objects.usable().filter(pk__in=session_ids)
    return set(usable.values_list("pk", flat=True))


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub_of_this_loop() -> Hub:
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


def _client() -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=settings.REDIS_TIMEOUTS["socket_timeout"],
        socket_connect_timeout=settings.REDIS_TIMEOUTS["socket_connect_timeout"],
    )
