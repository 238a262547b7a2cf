"""Work that costs much the same for one as for many: who comes while it is done for others waits,
and all who wait are next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

MOST_TOGETHER = 100
MOST_WAITING = 1_000
# Who was just answered asks again in a moment; a turn waits so long, at most, for as many as were
# in the one before. Nobody who comes alone waits.
PATIENCE = 0.001

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Gathering(Generic[Asked, Answer]):
    """`work` answers each of a list, in its order, in a thread of its own."""

    def __init__(self, work: Callable[[Sequence[Asked]], Sequence[Answer]]) -> None:
        self._work = work
        self._waiting: deque[tuple[Asked, asyncio.Future[Answer]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gathering")
        self._turns: asyncio.Task[None] | None = None
        self._expected = 0
        self._company: asyncio.Future[None] | None = None

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MOST_WAITING

    async def ask(self, what: Asked) -> Answer:
        """Raises what `work` raised, as all who were in the same turn do."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((what, answer))
        if len(self._waiting) >= self._expected:
            self._begin()
        if self._turns is None or self._turns.done():
            self._turns = asyncio.create_task(self._take_turns())
        return await answer

    async def _take_turns(self) -> None:
        while self._waiting:
            many = min(len(self._waiting), MOST_TOGETHER)
            turn = [self._waiting.popleft() for _ in range(many)]
            await self._answer(turn)
            if 1 < many > len(self._waiting):
                await self._wait_for(many)

    async def _answer(self, turn: list[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        loop = asyncio.get_running_loop()
        asked = [what for what, _ in turn]
        try:
            found = await loop.run_in_executor(self._thread, self._work, asked)
        except Exception as error:
            for _, answer in turn:
                # It is where who asked went away.
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), one in zip(turn, found, strict=True):
            if not answer.done():
                answer.set_result(one)

    async def _wait_for(self, many: int) -> None:
        loop = asyncio.get_running_loop()
        self._expected, self._company = many, loop.create_future()
        timer = loop.call_later(PATIENCE, self._begin)
        await self._company
        timer.cancel()

    def _begin(self) -> None:
        if self._company is not None and not self._company.done():
            self._company.set_result(None)
