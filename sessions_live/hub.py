"""The sockets of this process, the rooms they are in, and how news reach them.

A frame comes encoded and is handed to every socket of its room as it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID
from weakref import WeakKeyDictionary

import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sessions_live.activity import Activity
from sessions_live.keeping import Keeper
from sessions_live.line import feed_key, wire
from sessions_live.listening import Listener
from sessions_live.relisting import Relisting
from sessions_live.rooms import session_room

if TYPE_CHECKING:
    from sessions_live.sockets import LiveSocket

CANCEL_AGAIN = 0.05


class Hub:
    def __init__(self) -> None:
        self._rooms: defaultdict[str, set[LiveSocket]] = defaultdict(set)
        self._sockets: dict[LiveSocket, tuple[str, ...]] = {}
        # Per process, so that the limits hold without Redis too; they guard a process's memory.
        self._crowd: Counter[int | str] = Counter()
        # Rooms closed lately: what one did last may be told after the news of their end.
        self._over: deque[str] = deque(maxlen=100)
        self._tasks: list[asyncio.Task[None]] = []
        self._prepare()

    def _prepare(self) -> None:
        self._redis = _client()
        self._listener = Listener(self, self._redis)
        self._keeper = Keeper(self, self._redis)
        self.activity = Activity(self)
        self.relisting = Relisting()

    @property
    def sockets(self) -> list[LiveSocket]:
        return list(self._sockets)

    def sessions(self) -> set[UUID]:
        return {socket.session_id for socket in self._sockets}

    def has_room_for(self, socket: LiveSocket) -> bool:
        person, network = socket.admission.user_id, socket.admission.network
        return (
            self._crowd[person] < settings.SOCKETS_PER_PERSON
            and self._crowd[network] < settings.SOCKETS_PER_ADDRESS
        )

    async def join(self, socket: LiveSocket, rooms: Iterable[str]) -> None:
        """Returns when news reach the socket, or when Redis has had its second to answer."""
        self._sockets[socket] = tuple(rooms)
        for room in self._sockets[socket]:
            self._rooms[room].add(socket)
        self._crowd.update((socket.admission.user_id, socket.admission.network))
        if not self._tasks:
            self._prepare()
            self._tasks = [
                asyncio.create_task(self._listener.run()),
                asyncio.create_task(self._keeper.authorise_again_and_again()),
                asyncio.create_task(self._keeper.keep_the_attendance()),
            ]
        await self._listener.until_news_arrive()
        await self._keeper.welcome(socket.session_id)

    async def leave(self, socket: LiveSocket) -> None:
        if socket not in self._sockets:
            return
        for room in self._sockets.pop(socket):
            self._rooms[room].discard(socket)
            if not self._rooms[room]:
                del self._rooms[room]
        self._crowd.subtract((socket.admission.user_id, socket.admission.network))
        self._crowd += Counter()
        if not self.holds(socket.session_id):
            self.activity.forget(socket.session_id)
            self._keeper.miss(socket.session_id)
        if not self._sockets:
            await self._rest()

    async def _rest(self) -> None:
        tasks, keeper, client = set(self._tasks), self._keeper, self._redis
        self._tasks = []
        self._listener.stop()
        while tasks:
            for task in tasks:
                task.cancel()
            # Until Python 3.12 `wait_for`, which the Redis client is full of, loses a cancellation
            # that comes as it ends. A listener that lived on would tell everything twice.
            _, tasks = await asyncio.wait(tasks, timeout=CANCEL_AGAIN)
        await keeper.tell_departures()
        await client.connection_pool.disconnect()

    def holds(self, session_id: UUID) -> bool:
        return session_room(session_id) in self._rooms

    def news_were_missed(self) -> None:
        for socket in list(self._sockets):
            socket.reset()

    async def publish(self, message: str) -> None:
        """To the hubs of all processes, this one included; raises RedisError."""
        await self._redis.publish(wire(), message)

    async def read_feed(self, room: str, *, after: int, most: int) -> list[tuple[int, str]]:
        """What is kept from `after` on, itself included; raises RedisError."""
        kept = await self._redis.xrange(feed_key(room), min=f"{after}-0", count=most)
        return [(int(name.partition(b"-")[0]), fields[b"frame"].decode()) for name, fields in kept]

    def pass_on(self, message: str) -> None:
        kind, room, rest = message.split(" ", 2)
        if kind == "roll":
            self._keeper.answer_the_roll({UUID(each) for each in rest.split()})
            return
        if kind == "hangup":
            self._over.append(room)
        sockets = self._rooms.get(room)
        if sockets:
            # Being told may make a socket leave.
            getattr(self, f"_{kind}")(tuple(sockets), rest)

    def _deliver(self, sockets: Iterable[LiveSocket], rest: str) -> None:
        event_id, _, frame = rest.partition(" ")
        for socket in sockets:
            socket.deliver(int(event_id), frame)

    def _say(self, sockets: Iterable[LiveSocket], rest: str) -> None:
        for socket in sockets:
            socket.say(rest)

    def _active(self, sockets: Iterable[LiveSocket], rest: str) -> None:
        session_id, _, opening = rest.partition(" ")
        if session_room(session_id) in self._over:
            return
        own = self._rooms.get(session_room(session_id), ())
        mine, others = f"{opening}true}}}}", f"{opening}false}}}}"
        for socket in sockets:
            socket.say(mine if socket in own else others)

    def _presence(self, sockets: Iterable[LiveSocket], rest: str) -> None:
        session_id, _, opening = rest.partition(" ")
        own = self._rooms.get(session_room(session_id), ())
        frame = f"{opening}false}}}}"
        for socket in sockets:
            if socket not in own:
                socket.say(frame)

    def _hangup(self, sockets: Iterable[LiveSocket], rest: str) -> None:
        code, _, reason = rest.partition(" ")
        for socket in sockets:
            socket.hang_up(int(code), reason)

    def _reset(self, sockets: Iterable[LiveSocket], rest: str) -> None:
        for socket in sockets:
            socket.reset()


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
