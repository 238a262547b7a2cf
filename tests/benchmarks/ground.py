"""What a run stands on: durable servers of its own in a temporary folder, and programs that end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from config.embedded import Postgres, Redis, free_port
from config.env import Environment
from config.fingerprint import ROOT

__all__ = [
    "KEY",
    "PYTHON",
    "SECRET",
    "Ground",
    "Program",
    "cpu_seconds",
    "free_port",
    "ground",
    "our_environment",
]

SECRET = "whsec_benchmark0123456789abcdefghijklm"
PYTHON = sys.executable
KEY = "sk_test_benchmark0123456789abcdefghijklm"


@dataclass
class Ground:
    folder: Path
    postgres: Postgres
    redis: Redis
    ends: ExitStack
    redis_databases: list[int] = field(default_factory=list)

    def database(self, name: str) -> str:
        """An empty database; returns its URL."""
        with psycopg.connect(self.postgres.url(), autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        return self.postgres.url(name)

    def redis_url(self) -> str:
        """An empty database of Redis."""
        self.redis_databases.append(len(self.redis_databases))
        return self.redis.url(self.redis_databases[-1])

    def run(self, *command: str, env: Mapping[str, str], cwd: Path = ROOT) -> Program:
        program = Program(command, env, cwd, self.folder / f"{time.time_ns()}.log")
        self.ends.callback(program.stop)
        return program


@contextmanager
def ground() -> Iterator[Ground]:
    """PostgreSQL as in production: every commit is on the disk before it is answered."""
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    with ExitStack() as ends:
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres, redis = Postgres(folder / "postgres"), Redis(folder / "redis")
        for server in (postgres, redis):
            server.start()
            ends.callback(server.stop)
        yield Ground(folder, postgres, redis, ends)


def our_environment(database_url: str, redis_url: str, **more: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ENV_FILE": "",
        "SECRET_KEY": "only-for-benchmarks-0123456789-0123456789-0123456789",
        "HTTPS": "false",
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "FRONTEND_URLS": "http://127.0.0.1:8000",
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        **more,
    }


class Program:
    """A process and those that it starts."""

    def __init__(
        self, command: tuple[str, ...], env: Mapping[str, str], cwd: Path, log: Path
    ) -> None:
        ours = {name.upper() for name in Environment.model_fields}
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        self.log = log
        self.name = " ".join(command)
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command, env={**kept, **env}, cwd=cwd, stdout=file, stderr=file
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def until_port(self, port: int, *, within: float = 60) -> Program:
        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        return self._until(answers, within)

    def until_it_says(self, words: str, *, within: float = 60) -> Program:
        return self._until(lambda: words in self.log.read_text(errors="replace"), within)

    def until_done(self, *, within: float = 300) -> None:
        if self.process.wait(within):
            raise SystemExit(f"{self.name} failed:\n{self.log.read_text()[-3000:]}")

    def _until(self, ready: Any, within: float) -> Program:
        deadline = time.monotonic() + within
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-3000:]
                raise SystemExit(f"{self.name} does not start:\n{said}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def cpu_seconds(*pids: int) -> float:
    """Of these processes and their descendants; 0 where the system does not tell (no /proc)."""
    if not Path("/proc/self/stat").exists():
        return 0.0
    ticks = 0
    parents: dict[int, list[int]] = {}
    spent: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents.setdefault(int(told[1]), []).append(pid)
        # Its own, and that of its children that have ended.
        spent[pid] = (int(told[11]) + int(told[12]), int(told[13]) + int(told[14]))
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        ticks += sum(spent.get(pid, (0, 0)))
        waiting += parents.get(pid, [])
    return ticks / os.sysconf("SC_CLK_TCK")
