"""One socket of one live session, served straight from the ASGI scope.

A Channels consumer costs several times the memory, and a hop through its dispatcher per frame.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from sessions_live.live import session_room

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TOO_BIG, SLOW_CONSUMER, TOO_MANY = 1009, 4408, 4429
LARGEST_FRAME = 64 * 1024
MALFORMED_PER_MINUTE = 15
MESSAGES_PER_MINUTE = 600
# Above the thousand frames that a resume may send at once.
LONGEST_QUEUE = 2_000
RESET = '{"type":"reset"}'


class Malformed(Exception):
    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(code)


class LiveSocket:
    """Subclasses say which rooms they join and what they answer."""

    admission: Admission
    hub: Hub

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._outbox: deque[Message] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._accepted = self._closing = False
        self._messages = Allowance(MESSAGES_PER_MINUTE)
        self._malformed = Allowance(MALFORMED_PER_MINUTE)

    @classmethod
    async def serve(cls, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        socket = cls(scope, receive, send)
        await receive()
        try:
            socket.admission = await database_sync_to_async(admit)(scope)
        except HandshakeRefused as refused:
            # Accepted first: a browser shows no reason for a handshake that failed.
            await socket._accept()
            await send({"type": "websocket.close", "code": refused.code})
        else:
            # The other side may be gone at any moment, which is nobody's fault.
            with contextlib.suppress(OSError):
                await socket._live()

    @property
    def session_id(self) -> UUID:
        return self.admission.session_id

    def rooms(self) -> list[str]:
        return [session_room(self.session_id)]

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
        if len(self._outbox) >= LONGEST_QUEUE:
            self._outbox.clear()
            self.hang_up(SLOW_CONSUMER)
            return
        self._post({"type": "websocket.send", "text": frame})

    def hang_up(self, code: int) -> None:
        """Closes after what was said before. Safe to call twice."""
        self._post({"type": "websocket.close", "code": code})
        self._closing = True

    async def _live(self) -> None:
        self.hub = hub_of_this_loop()
        expiry = self._end_with_the_token()
        try:
            # Joined before it is accepted: from the first moment on nothing is missed.
            await self.hub.join(self, self.rooms())
            await self._accept()
            self._write_on()
            await self._read()
        finally:
            if expiry is not None:
                expiry.cancel()
            if self._writer is not None:
                self._writer.cancel()
            await self.hub.leave(self)

    async def _accept(self) -> None:
        chosen = BEARER if BEARER in self._scope["subprotocols"] else None
        await self._send({"type": "websocket.accept", "subprotocol": chosen})
        self._accepted = True

    def _end_with_the_token(self) -> asyncio.TimerHandle | None:
        if self.admission.expires_at is None:
            return None
        left = (self.admission.expires_at - timezone.now()).total_seconds()
        return asyncio.get_running_loop().call_later(left, self.hang_up, UNAUTHENTICATED)

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

    def _post(self, message: Message) -> None:
        if not self._closing:
            self._outbox.append(message)
            self._write_on()

    def _write_on(self) -> None:
        # A task only while there is something to write: most sockets are silent most of the time.
        if self._accepted and self._writer is None and self._outbox:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._outbox:
                await self._send(self._outbox.popleft())
        except OSError:
            # The other side is gone; `_read` hears of it as well.
            self._outbox.clear()
        finally:
            self._writer = None


class Allowance:
    """So many in any minute."""

    __slots__ = ("_per_minute", "_spent")

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._spent: deque[float] = deque()

    def spend(self) -> bool:
        now = time.monotonic()
        while self._spent and self._spent[0] <= now - 60:
            self._spent.popleft()
        self._spent.append(now)
        return len(self._spent) <= self._per_minute


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
