"""The order in which the demo's parts are started, watched and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from config.demo import programs
from config.demo.card import end_leftovers, write_private
from config.demo.claims import DemoRefused, claimed_folder, claimed_port, refuse_used_port
from config.demo.environment import given_from_outside, make_environment, wants_real_stripe
from config.demo.options import Options
from config.demo.supervisor import Supervisor
from config.embedded import Postgres, Redis, Server, last_line, port_is_free, writable_folder
from config.fingerprint import ROOT, fingerprint, what_tables_are_made_from

PATIENCE = 120.0


class Demo:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = writable_folder(options.data_dir.resolve())
        self.card = self.folder / "demo.json"
        self.base_url = f"http://127.0.0.1:{options.port}"
        self.given = given_from_outside()
        self.env: dict[str, str] = {}
        self.postgres = Postgres(self.folder / "postgres", durable=options.durable)
        self.redis = Redis(self.folder / "redis", durable=options.durable)
        chosen = {"DATABASE_URL": self.postgres, "REDIS_URL": self.redis}
        self.servers: list[Server] = [
            server for name, server in chosen.items() if name not in self.given
        ]
        logs = writable_folder(self.folder / "logs")
        self.supervisor = Supervisor(logs=logs, changed=self.write_card)

    async def run(self) -> None:
        """Until a signal ends it."""
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        with claimed_folder(self.folder), claimed_port(self.options.port) as door:
            end_leftovers(self.card)
            life = asyncio.create_task(self._live(door.fileno()))
            end = asyncio.create_task(ended.wait())
            try:
                await asyncio.wait({life, end}, return_when=asyncio.FIRST_COMPLETED)
                if life.done():
                    life.result()
                say("ending …")
            finally:
                for task in (life, end):
                    task.cancel()
                await asyncio.gather(life, end, return_exceptions=True)
                await self._end()

    async def _live(self, door: int) -> None:
        await self._start_servers()
        self.env = make_environment(
            self.options,
            given=self.given,
            folder=self.folder,
            database_url=self.given.get("DATABASE_URL") or self.postgres.url(),
            redis_url=self.given.get("REDIS_URL") or self.redis.url(),
        )
        if not wants_real_stripe(self.given):
            await self._start_sandbox()
        await self._furnish()
        await self._start_product(door)
        print(f"ready: {self.base_url}", flush=True)
        await self.supervisor.failure()

    async def _end(self) -> None:
        await self.supervisor.stop("beat", "web", "worker", "step")
        await self.supervisor.stop("sandbox")
        await self.supervisor.stop("redis", "postgresql")
        self.card.unlink(missing_ok=True)

    # --- the parts ------------------------------------------------------------------------------

    async def _start_servers(self) -> None:
        for server in self.servers:
            say(f"{server.name} …")
            # One may still run where the last supervisor was killed.
            server.stop()
            server.prepare()
            await self.supervisor.start(programs.server(server))
        for server in self.servers:
            await self._until(server.answers, server.name.lower())

    async def _start_sandbox(self) -> None:
        say("the sandbox …")
        port = self.options.sandbox_port
        refuse_used_port(port)
        await self.supervisor.start(programs.sandbox(self.options, self.env, self.folder))
        await self._until(lambda: not port_is_free(port), "sandbox")

    async def _furnish(self) -> None:
        """Tables, catalogue and people; left out when all is as it was at the last start."""
        stamp = self.postgres.folder / "furnished"
        ours = self.postgres in self.servers
        if ours and stamp.exists() and stamp.read_text() == self._furniture():
            return
        say("tables, catalogue and people …")
        if await self.supervisor.run_once(programs.furnish(self.options, self.env)):
            raise DemoRefused(f"The database cannot be prepared: {self._last_words('furnish')}")
        if ours:
            stamp.write_text(self._furniture())

    def _furniture(self) -> str:
        catalogs = [*(ROOT / "billing" / "catalogs").glob("*.toml")]
        if (own := Path(self.options.catalog)).is_file():
            catalogs.append(own.resolve())
        people = ROOT / "config" / "demo" / "people.py"
        files = fingerprint([*what_tables_are_made_from(), *catalogs, people])
        return f"{files} {self.options.catalog} {self.env['STRIPE_SECRET_KEY'][-8:]}"

    async def _start_product(self, door: int) -> None:
        say("web, worker and beat …")
        for number in range(1, self.options.web_workers + 1):
            await self.supervisor.start(programs.web(number, self.env, door))
        for number in range(1, self.options.workers + 1):
            await self.supervisor.start(programs.worker(number, self.env))
        await self.supervisor.start(programs.beat(self.env, self.folder))
        self.write_card()
        await self._until(self._is_ready, "web-1")

    # --- what is known of them ------------------------------------------------------------------

    def write_card(self) -> None:
        """What others need to find and to talk to this demo."""
        if not self.env:
            return
        pids = self.supervisor.pids
        alone = {role: next(iter(pids(role)), None) for role in ("beat", "sandbox")}
        servers = {role: next(iter(pids(role)), None) for role in ("postgresql", "redis")}
        write_private(
            self.card,
            {
                "base_url": self.base_url,
                "sandbox_url": self.env["STRIPE_API_BASE"] or None,
                "database_url": self.env["DATABASE_URL"],
                "redis_url": self.env["REDIS_URL"],
                "stripe_secret_key": self.env["STRIPE_SECRET_KEY"],
                "stripe_webhook_secret": self.env["STRIPE_WEBHOOK_SECRET"].partition(",")[0],
                "paddle_webhook_secret": self.env["PADDLE_WEBHOOK_SECRET"],
                "pids": {"web": pids("web"), "worker": pids("worker"), **alone, **servers},
                "supervisor": os.getpid(),
                "log_dir": str(self.folder / "logs"),
                "env": self.env,
            },
        )

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    async def _until(self, true: Callable[[], bool], program: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not await asyncio.to_thread(true):
                    if name := self.supervisor.troubled():
                        raise DemoRefused(f"{name} does not start: {self._last_words(name)}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            words = self._last_words(program)
            raise DemoRefused(f"{program} is not ready after {PATIENCE:.0f} s: {words}") from None

    def _last_words(self, name: str) -> str:
        log = self.supervisor.log_of(name)
        return f"{last_line(log)} (all of it in {log})"


def say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
