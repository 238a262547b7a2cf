"""Doors that answer `POST /usage`, each as it is served: in a process of its own, over HTTP."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx

from config.embedded import free_port
from config.fingerprint import ROOT
from tests.waiting import eventually

PATH = "/api/v1/usage"
ONE = '{"usage_type": "entry"}'
# As the Procfile and the demo start them. A further door is a further line.
DOORS = {
    "wsgi": ("granian", "--interface", "wsgi", "--no-ws", "config.wsgi:application"),
    "asgi": ("uvicorn", "config.asgi:application", "--no-access-log", "--no-proxy-headers"),
}
EVERYWHERE = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
MADE_HERE = re.compile(r"[0-9a-f]{32}")


class Door:
    def __init__(self, name: str) -> None:
        port = free_port()
        command = [sys.executable, "-m", *DOORS[name], "--port", str(port)]
        given = {**os.environ, "DATABASE_POOL_SIZE": "4", "LOG_LEVEL": "ERROR"}
        self.process = subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.DEVNULL)
        self.address = ("127.0.0.1", port)
        # One connection, kept: what one request leaves unread must not become the next one.
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False)

    def answers(self) -> bool:
        assert self.process.poll() is None, "it did not start"
        with socket.socket() as probe:
            return probe.connect_ex(self.address) == 0

    def stop(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(20)


class Asker:
    """Somebody before a door, with a credential."""

    def __init__(self, door: Door, credential: str) -> None:
        self.door = door
        self.usual = {"Authorization": f"Bearer {credential}", "Content-Type": "application/json"}

    def use(self, usage_type: str = "entry", **told: Any) -> httpx.Response:
        return self.ask(json={"usage_type": usage_type, **told})

    def ask(
        self,
        method: str = "POST",
        path: str = PATH,
        *,
        headers: Mapping[str, str | None] | None = None,
        **told: Any,
    ) -> httpx.Response:
        """A header that is None is not sent."""
        merged = {**self.usual, **(headers or {})}
        sent = {name: value for name, value in merged.items() if value is not None}
        return self.door.http.request(method, path, headers=sent, **told)

    def say(self, body: str | bytes, **headers: str | None) -> httpx.Response:
        return self.ask(content=body, headers=headers)


@contextmanager
def open_door(name: str) -> Iterator[Door]:
    door = Door(name)
    try:
        eventually(door.answers, within=60)
        yield door
    finally:
        door.stop()


def shown(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field; the rest of the shape is the same for all."""
    body = answer.json()
    (error,) = body["errors"]
    assert set(body) == {"type", "errors"}
    assert set(error) == {"code", "detail", "attr"}
    assert error["detail"]
    assert body["type"] in ("client_error", "validation_error")
    dressed(answer)
    return answer.status_code, error["code"], error["attr"]


def dressed(answer: httpx.Response) -> None:
    """What every answer of the API wears."""
    assert answer.headers.items() >= EVERYWHERE.items()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert answer.headers["allow"] == "GET, POST, HEAD, OPTIONS"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "origin" in answer.headers["vary"].lower().split(", ")
    assert MADE_HERE.fullmatch(answer.headers["x-request-id"])
