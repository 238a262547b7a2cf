"""Keeps programs running: starts again what dies, and ends all of them together."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# One that lives shorter than this died of its start and is given more time before each retry.
QUICK_DEATH = 2.0
LONGEST_WAIT = 5.0
SET_PARENT_DEATH_SIGNAL = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    name: str
    role: str
    command: Sequence[str]
    env: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    # What ends it when the supervisor itself is killed; Linux alone can promise that.
    orphan_signal: signal.Signals = signal.SIGKILL
    how: Mapping[str, Any] = field(default_factory=dict)


class Supervisor:
    def __init__(self, *, logs: Path, changed: Callable[[], None]) -> None:
        self._logs = logs
        self._changed = changed
        self._programs: dict[str, Program] = {}
        self._processes: dict[str, Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._quick_deaths: dict[str, int] = {}

    async def start(self, program: Program) -> None:
        self.log_of(program.name).unlink(missing_ok=True)
        self._programs[program.name] = program
        await self._spawn(program)
        self._keepers[program.name] = asyncio.create_task(self._keep(program))

    async def run_once(self, program: Program) -> int:
        self.log_of(program.name).unlink(missing_ok=True)
        self._programs[program.name] = program
        await self._spawn(program)
        try:
            return await self._processes[program.name].wait()
        finally:
            await self._end(program)

    async def stop(self, *roles: str) -> None:
        members = [each for each in self._programs.values() if each.role in roles]
        await asyncio.gather(*(self._end(member) for member in members))

    def pids(self, role: str) -> list[int]:
        return [
            process.pid
            for name, process in self._processes.items()
            if self._programs[name].role == role
        ]

    def troubled(self) -> str | None:
        """The name of a program that dies again and again of its start."""
        return next((name for name, deaths in self._quick_deaths.items() if deaths >= 3), None)

    async def failure(self) -> None:
        """Returns only by raising what stopped a program from being kept."""
        done, _ = await asyncio.wait(self._keepers.values(), return_when=asyncio.FIRST_COMPLETED)
        for keeper in done:
            keeper.result()

    def log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    async def _keep(self, program: Program) -> None:
        while True:
            born = time.monotonic()
            await self._processes[program.name].wait()
            if time.monotonic() - born > QUICK_DEATH:
                self._quick_deaths[program.name] = 0
            else:
                deaths = self._quick_deaths.get(program.name, 0) + 1
                self._quick_deaths[program.name] = deaths
                await asyncio.sleep(min(LONGEST_WAIT, 0.1 * 2**deaths))
            await self._spawn(program)
            self._changed()

    async def _spawn(self, program: Program) -> None:
        with self.log_of(program.name).open("ab") as log:
            self._processes[program.name] = await asyncio.create_subprocess_exec(
                *program.command,
                env=dict(program.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches only the supervisor, which ends the others in their order.
                start_new_session=True,
                preexec_fn=_die_with_parent(program.orphan_signal),
                **program.how,
            )

    async def _end(self, program: Program, *, within: float = 4) -> None:
        if keeper := self._keepers.pop(program.name, None):
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
        process = self._processes.pop(program.name, None)
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(program.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), within)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _die_with_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    prctl = _prctl
    if prctl is None:
        return None
    return lambda: prctl(SET_PARENT_DEATH_SIGNAL, with_signal)
