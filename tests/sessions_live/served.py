"""Sockets as uvicorn serves them, in processes of their own, over a Redis that may come to harm."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from config.embedded import Redis, free_port
from config.fingerprint import ROOT
from tests.product import resident
from tests.waiting import eventually

FLAGS = (
    *("--ws", "websockets-sansio", "--ws-max-size", "65536", "--ws-per-message-deflate", "false"),
    *("--no-access-log", "--no-proxy-headers"),
    # Sooner than in production, where who gives no sign of life is let go after 25 seconds.
    *("--ws-ping-interval", "1", "--ws-ping-timeout", "3"),
)


class Process:
    def __init__(self, redis: Redis, **env: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "uvicorn", "config.asgi:application"]
        given = {**os.environ, "REDIS_URL": redis.url(), "DATABASE_POOL_SIZE": "4", **env}
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), *FLAGS], env=given, cwd=ROOT
        )

    def wait(self) -> Process:
        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        eventually(answers, within=30)
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def memory(self) -> int:
        """Resident, in KiB."""
        return resident(self.process.pid)

    def sign_in(self, email: str, password: str) -> dict[str, str]:
        answer = httpx.post(
            f"{self.url}/api/v1/auth/token",
            json={"email": email, "password": password},
            timeout=20,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def call(self, method: str, path: str, access: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {access}"}
        return httpx.request(
            method, f"{self.url}/api/v1/{path}", headers=headers, timeout=20, trust_env=False
        )

    def connect(self, access: str, path: str = "/ws/sessions") -> ClientConnection:
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            subprotocols=[Subprotocol("bearer"), Subprotocol(access)],
            proxy=None,
            max_size=None,
            legacy=True,
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    server = Redis(folder, durable=False)
    server.start()
    try:
        yield server
    finally:
        if pid := server.pid():
            os.kill(pid, signal.SIGCONT)
        server.stop()


@contextmanager
def processes(redis: Redis, number: int, **env: str) -> Iterator[list[Process]]:
    running = [Process(redis, **env) for _ in range(number)]
    try:
        yield [each.wait() for each in running]
    finally:
        for each in running:
            each.stop()
