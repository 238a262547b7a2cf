"""Many equal requests that are complete at the same moment: all but the last byte first."""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Shot:
    status: int
    seconds: float


def volley(url: str, request: bytes, *, copies: int, within: float = 30) -> list[Shot]:
    address = (urlsplit(url).hostname, urlsplit(url).port)
    barrels = [socket.create_connection(address, timeout=within) for _ in range(copies)]
    for barrel in barrels:
        barrel.sendall(request[:-1])
        barrel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    released = time.monotonic()
    for barrel in barrels:
        barrel.send(request[-1:])
    return _answers(barrels, released, within)


def _answers(barrels: list[socket.socket], released: float, within: float) -> list[Shot]:
    heard: dict[socket.socket, bytes] = dict.fromkeys(barrels, b"")
    shots = []
    with selectors.DefaultSelector() as selector:
        for barrel in barrels:
            selector.register(barrel, selectors.EVENT_READ)
        while selector.get_map():
            assert time.monotonic() < released + within, f"{len(selector.get_map())} unanswered"
            for key, _ in selector.select(timeout=1):
                wire = key.fileobj
                assert isinstance(wire, socket.socket)
                if part := wire.recv(65536):
                    heard[wire] += part
                    continue
                selector.unregister(wire)
                wire.close()
                shots.append(Shot(status_of(heard[wire]), time.monotonic() - released))
    return shots


def status_of(answer: bytes) -> int:
    """0 where nothing came before the connection was closed."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def post(
    body: bytes, headers: list[tuple[bytes, bytes]], path: bytes = b"/webhooks/stripe"
) -> bytes:
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close"]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"", b""]) + body
