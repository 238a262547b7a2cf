"""Ending a connection without an answer, as a broken network does."""

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_OPEN: dict[tuple[str, int], asyncio.Transport] = {}


class Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's protocol, which also remembers the transport of each client."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.sandbox_peer = transport.get_extra_info("peername")
        if self.sandbox_peer:
            _OPEN[self.sandbox_peer[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.sandbox_peer:
            _OPEN.pop(self.sandbox_peer[:2], None)
        super().connection_lost(exc)


def reset(client: tuple[str, int]) -> bool:
    """Send RST instead of an answer."""
    transport = _OPEN.get(client)
    if transport is None:
        return False
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    return True
