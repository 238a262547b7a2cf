"""Two thousand sockets, through a lost Redis and a killed server."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import time
from collections.abc import Awaitable, Callable

import pytest
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.product import Person, Product
from tests.scorecard.conftest import Score

pytestmark = pytest.mark.scorecard

SOCKETS, FANOUTS = 2_000, 5
PASSWORD = "correct horse battery"


class Ear:
    """One socket that comes back by itself, and knows what it has heard of each fan-out."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.active: set[tuple[str, str]] = set()
        self.lists = 0
        self.wire: ClientConnection | None = None
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        url = f"ws{self.person.product.url.removeprefix('http')}/ws/sessions"
        protocols = [Subprotocol("bearer"), Subprotocol(self.person.access)]
        while True:
            try:
                self.wire = await connect(
                    url,
                    subprotocols=protocols,
                    proxy=None,
                    compression=None,
                    ping_interval=None,
                    open_timeout=60,
                )
                async for text in self.wire:
                    frame = json.loads(text)
                    if "sessions" in frame:
                        self.lists += 1
                        self.active |= {moment(each) for each in frame["sessions"]}
                    elif frame["type"] == "session_update":
                        self.active.add(moment(frame["session"]))
            except (OSError, ConnectionClosed, TimeoutError):
                await asyncio.sleep(0.5)
            self.wire = None

    @property
    def is_in(self) -> bool:
        return self.wire is not None and self.lists > 0


def moment(session: dict[str, str]) -> tuple[str, str]:
    return session["id"], session["last_active"]


async def until(look: Callable[[], bool], *, within: float) -> float:
    began = time.monotonic()
    while not look() and time.monotonic() - began < within:
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def all_again(ears: list[Ear], harm: Callable[[], Awaitable[None]], within: float) -> float:
    """How long until everybody has read the list anew."""
    for ear in ears:
        ear.lists = 0
    await harm()
    return await until(lambda: all(ear.is_in for ear in ears), within=within)


@pytest.mark.timeout(600)
def test_r30_two_thousand_sockets_hear_everything(product: Product, score: Score):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    person = product.person()
    people = [person] + [product.sign_in(person.email, PASSWORD) for _ in range(9)]
    before = product.memory("web")
    asyncio.run(crowd(product, people, before, score))


async def crowd(product: Product, people: list[Person], before: int, score: Score) -> None:
    ears = []
    for number in range(SOCKETS):
        ears.append(Ear(people[number % len(people)]))
        if number % 50 == 49:
            await asyncio.sleep(0.1)
    await until(lambda: all(ear.is_in for ear in ears), within=120)
    score.holds("sockets that are in", sum(ear.is_in for ear in ears), exactly=SOCKETS)
    score.holds("KiB a socket", (product.memory("web") - before) / SOCKETS, at_most=40.0)

    # Each sign-in is active once: whoever hears of it, or reads of it, knows its new instant.
    await asyncio.sleep(5)
    for ear in ears:
        ear.active.clear()
    for speaker in ears[:FANOUTS]:
        assert speaker.wire
        await speaker.wire.send('{"type":"update_activity"}')
    await until(lambda: all(len(ear.active) >= FANOUTS for ear in ears), within=30)
    score.holds(
        "deliveries that are missing",
        SOCKETS * FANOUTS - sum(min(FANOUTS, len(ear.active)) for ear in ears),
        exactly=0,
    )

    async def restart_redis() -> None:
        await asyncio.to_thread(product.signal, "redis", signal.SIGKILL)

    took = await all_again(ears, restart_redis, within=60)
    score.holds("s until all have read again, Redis killed", took, at_most=30.0)

    async def kill_one() -> None:
        dead = product.pids("web")
        await asyncio.to_thread(product.kill, "web")
        await asyncio.to_thread(product.wait_until_replaced, "web", dead)

    took = await all_again(ears, kill_one, within=60)
    score.holds("s until all are back, servers killed", took, at_most=30.0)
    for ear in ears:
        ear.task.cancel()
    await asyncio.gather(*(ear.task for ear in ears), return_exceptions=True)
