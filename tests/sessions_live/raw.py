"""WebSockets byte by byte, for what no library would send."""

from __future__ import annotations

import base64
import os
import socket
import struct
import time


def raw(port: int, access: str) -> socket.socket:
    """An open WebSocket without a library that would refuse to misbehave."""
    wire = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    wire.sendall(
        f"GET /ws/payments HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: bearer, {access}\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += wire.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    return wire


def frame(payload: bytes, *, first: int = 0x81) -> bytes:
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = (
            b"\xfe" + struct.pack("!H", size) if size < 65536 else b"\xff" + struct.pack("!Q", size)
        )
    return bytes([first]) + length + b"\0\0\0\0" + payload


def raw_close_code(wire: socket.socket, *, within: float) -> int:
    """Frames are skipped until one says goodbye; pings stay unanswered."""
    deadline = time.monotonic() + within
    file = wire.makefile("rb")
    while True:
        wire.settimeout(max(0.1, deadline - time.monotonic()))
        first, size = file.read(2)
        if size == 126:
            (size,) = struct.unpack("!H", file.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", file.read(8))
        payload = file.read(size)
        if first == 0x88:
            return int.from_bytes(payload[:2], "big")


PING = frame(b'{"type":"ping"}')
