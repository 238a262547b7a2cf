"""How frames get onto a connection, and when a reader who does not read is cut off.

uvicorn's connection is written to directly: one encoding serves all sockets of a room, and there is
neither a task nor a copy of the frame per socket. Any other server gets the frames as ASGI has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]

# What may wait for one reader; above the thousand frames that a resume may send at once.
MOST_WAITING = 1024 * 1024
LONGEST_QUEUE = 2_000
# Never quite empty for so long: this reader has stopped, or will never catch up.
STALLED_AFTER = 15.0
# Where a reader comes back, the reason is still to be read; the memory is bounded meanwhile.
LINGER = 45.0
HIGH_WATER = 64 * 1024


class Lane(Protocol):
    def send(self, frame: str) -> bool:
        """False if too much waits already; then nothing more is to be sent but the end."""

    def close(self, code: int, reason: str) -> None: ...

    def is_stalled(self) -> bool: ...

    def drop(self) -> None:
        """The connection is over."""


def lane_of(send: Send) -> Lane:
    server = getattr(send, "__self__", None)
    if isinstance(server, WebSocketsSansIOProtocol):
        return DirectLane(server.transport, send)
    return QueueLane(send)


class DirectLane:
    __slots__ = ("_closing", "_send", "_since", "_transport")

    def __init__(self, transport: asyncio.Transport, send: Send) -> None:
        self._transport, self._send = transport, send
        self._since = 0.0
        self._closing: asyncio.Task[None] | None = None

    def send(self, frame: str) -> bool:
        transport = self._transport
        if transport.get_write_buffer_size() > MOST_WAITING:
            return False
        # A connection that is lost takes this without a word; the reading side hears of it.
        transport.write(encoded(frame))
        return True

    def is_stalled(self) -> bool:
        waiting = self._transport.get_write_buffer_size()
        if not waiting:
            self._since = 0.0
            return False
        now = time.monotonic()
        self._since = self._since or now
        # The server's own answers to a flood of pings wait here too, without a limit.
        return waiting > 2 * MOST_WAITING or now - self._since > STALLED_AFTER

    def close(self, code: int, reason: str) -> None:
        if self._transport.get_write_buffer_size() <= HIGH_WATER:
            message = {"type": "websocket.close", "code": code, "reason": reason}
            self._closing = asyncio.create_task(finish(self._send(message)))
            return
        # The server would wait for this reader before it says anything to them.
        self._transport.write(closing(code, reason))
        self._transport.close()
        asyncio.get_running_loop().call_later(LINGER, self._transport.abort)

    def drop(self) -> None:
        if self._closing is not None:
            self._closing.cancel()


class QueueLane:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: deque[Message] = deque()
        self._writer: asyncio.Task[None] | None = None

    def send(self, frame: str) -> bool:
        if len(self._waiting) >= LONGEST_QUEUE:
            self._waiting.clear()
            return False
        self._post({"type": "websocket.send", "text": frame})
        return True

    def is_stalled(self) -> bool:
        return False

    def close(self, code: int, reason: str) -> None:
        self._post({"type": "websocket.close", "code": code, "reason": reason})

    def drop(self) -> None:
        if self._writer is not None:
            self._writer.cancel()

    def _post(self, message: Message) -> None:
        self._waiting.append(message)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                await finish(self._send(self._waiting.popleft()))
        finally:
            self._writer = None


async def finish(sending: Awaitable[None]) -> None:
    """The other side may be gone at any moment, which is nobody's fault."""
    with contextlib.suppress(OSError):
        await sending


@lru_cache(maxsize=64)
def encoded(text: str) -> bytes:
    """An unmasked, unfragmented text frame (RFC 6455, 5.2)."""
    payload = text.encode()
    return framed(0x81, payload)


def closing(code: int, reason: str) -> bytes:
    return framed(0x88, code.to_bytes(2, "big") + reason.encode())


def framed(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload
