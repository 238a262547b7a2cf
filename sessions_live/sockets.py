"""One socket of one live session, served straight from the ASGI scope.

A Channels consumer costs several times the memory, and a hop through its dispatcher per frame.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.utils import timezone

from sessions_live.handshake import BEARER, UNAUTHENTICATED, Admission, HandshakeRefused, admit
from sessions_live.hub import Hub, hub_of_this_loop
from sessions_live.lanes import Lane, Message, Send, finish, lane_of
from sessions_live.rooms import session_room

Receive = Callable[[], Awaitable[Message]]

TOO_BIG, SLOW_CONSUMER, TOO_MANY = 1009, 4408, 4429
LARGEST_FRAME = 64 * 1024
MALFORMED_PER_MINUTE = 15
MESSAGES_PER_MINUTE = 600
RESET = '{"type":"reset"}'


class Malformed(Exception):
    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(code)


class LiveSocket:
    """Subclasses say which rooms they join, what they say first and what they answer."""

    admission: Admission
    hub: Hub
    lane: Lane

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        # What is said before the first words waits, so that nothing overtakes them.
        self._held: list[str] | None = []
        self._farewell: tuple[int, str] | None = None
        self._closing = False
        self._messages = Allowance(MESSAGES_PER_MINUTE)
        self._malformed = Allowance(MALFORMED_PER_MINUTE)

    @classmethod
    async def serve(cls, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        socket = cls(scope, receive, send)
        await receive()
        try:
            socket.admission = await database_sync_to_async(admit)(scope)
        except HandshakeRefused as refused:
            return await socket._refuse(refused.code)
        socket.hub = hub_of_this_loop()
        if not socket.hub.has_room_for(socket):
            return await socket._refuse(TOO_MANY)
        return await socket._live()

    @property
    def session_id(self) -> UUID:
        return self.admission.session_id

    def rooms(self) -> list[str]:
        return [session_room(self.session_id)]

    async def greet(self) -> None:
        """Called once, when nothing is missed any more."""

    async def answer(self, message: Message) -> None:
        """Raises Malformed for what it does not understand."""
        if message["type"] != "ping":
            raise Malformed("unknown_type", "There is no message of this type.")
        self.say('{"type":"pong"}')

    def deliver(self, event_id: int, frame: str) -> None:
        self.say(frame)

    def reset(self) -> None:
        self.say(RESET)

    def say(self, frame: str) -> None:
        if self._closing:
            return
        if self._held is not None:
            self._held.append(frame)
        elif not self.lane.send(frame):
            self.hang_up(SLOW_CONSUMER, "slow")

    def say_first(self, frame: str) -> None:
        """Before all that was held back since the socket joined its rooms."""
        if self._held is not None:
            self._held.insert(0, frame)

    def hang_up(self, code: int, reason: str = "") -> None:
        """Closes after what was said before. Safe to call twice."""
        if self._held is not None:
            self._farewell = self._farewell or (code, reason)
        elif not self._closing:
            self._closing = True
            self.lane.close(code, reason)

    def cut_if_stalled(self) -> None:
        if not self._closing and self.lane.is_stalled():
            self.hang_up(SLOW_CONSUMER, "slow")

    async def _refuse(self, code: int) -> None:
        # Accepted first: a browser shows no reason for a handshake that failed.
        await finish(self._accept())
        await finish(self._send({"type": "websocket.close", "code": code}))

    async def _live(self) -> None:
        expiry = self._end_with_the_token()
        self.lane = lane_of(self._send)
        try:
            # Joined before it is accepted: from the first moment on nothing is missed.
            await self.hub.join(self, self.rooms())
            await finish(self._accept())
            await self.greet()
            self._speak()
            await self._read()
        finally:
            self._closing = True
            if expiry is not None:
                expiry.cancel()
            self.lane.drop()
            await self.hub.leave(self)

    async def _accept(self) -> None:
        chosen = BEARER if BEARER in self._scope["subprotocols"] else None
        await self._send({"type": "websocket.accept", "subprotocol": chosen})

    def _speak(self) -> None:
        held, self._held = self._held, None
        for frame in held or ():
            self.say(frame)
        if self._farewell is not None:
            self.hang_up(*self._farewell)

    def _end_with_the_token(self) -> asyncio.TimerHandle | None:
        if self.admission.expires_at is None:
            return None
        left = (self.admission.expires_at - timezone.now()).total_seconds()
        loop = asyncio.get_running_loop()
        return loop.call_later(left, self.hang_up, UNAUTHENTICATED, "expired")

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self._closing:
                await self._hear(message.get("text"))

    async def _hear(self, text: str | None) -> None:
        if text is not None and len(text) > LARGEST_FRAME:
            self.hang_up(TOO_BIG)
            return
        try:
            await self.answer(parse(text))
        except Malformed as refused:
            self._complain(refused)
        if not self._messages.spend():
            self.hang_up(TOO_MANY)

    def _complain(self, refused: Malformed) -> None:
        if not self._malformed.spend():
            self.hang_up(TOO_MANY)
            return
        self.say(json.dumps({"type": "error", "code": refused.code, "detail": refused.detail}))


class Allowance:
    """So many in any minute."""

    __slots__ = ("_per_minute", "_spent")

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        # Most sockets never say a word.
        self._spent: deque[float] | None = None

    def spend(self) -> bool:
        now = time.monotonic()
        spent = self._spent = self._spent or deque()
        while spent and spent[0] <= now - 60:
            spent.popleft()
        spent.append(now)
        return len(spent) <= self._per_minute


def parse(text: str | None) -> Message:
    if text is None:
        raise Malformed("not_text", "Send JSON as text.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("not_json", "This is not JSON.") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Malformed("no_type", 'Send an object with a "type".')
    return message
