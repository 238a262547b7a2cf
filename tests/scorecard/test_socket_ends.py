"""R29: whatever ends a session closes its sockets, with Redis and without."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import pytest
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.product import Person, Product
from tests.scorecard.conftest import Score

pytestmark = pytest.mark.scorecard

PASSWORD = "correct horse battery"
OTHER = "another horse battery"
IMPORTS = """
import time
from datetime import timedelta
from django.utils import timezone
from sessions_live.models import User
from sessions_live.sessions import expire_sessions
"""
LIST, FEED = "/ws/sessions", "/ws/payments"


class Guest:
    """One socket that is to be thrown out, and notes down when, why and with which last words."""

    def __init__(self, wire: ClientConnection, path: str) -> None:
        self.path = path
        self.code, self.closed_at = 0, 0.0
        self.words: list[dict[str, Any]] = []
        self.task = asyncio.create_task(self._stay(wire))

    @classmethod
    async def enter(cls, person: Person, path: str) -> Guest:
        url = f"ws{person.product.url.removeprefix('http')}{path}"
        wire = await connect(
            url,
            subprotocols=[Subprotocol("bearer"), Subprotocol(person.access)],
            proxy=None,
            compression=None,
            ping_interval=None,
            open_timeout=60,
        )
        return cls(wire, path)

    async def _stay(self, wire: ClientConnection) -> None:
        try:
            async for text in wire:
                self.words.append(json.loads(text))
        except ConnectionClosed:
            pass
        self.closed_at, self.code = time.time(), wire.close_code or 0

    @property
    def heard_after_its_end(self) -> int:
        """Frames after the word that its own session is over; at the feed, any at all."""
        if self.path == FEED:
            return len(self.words)
        (own,) = (each["id"] for each in self.words[0]["sessions"] if each["is_current"])
        places = (at for at, word in enumerate(self.words) if word.get("session_id") == own)
        return len(self.words) - 1 - next(places, 0)


class Ending:
    """Somebody with a second sign-in, and one way to end it."""

    def __init__(self, product: Product, way: str) -> None:
        self.product, self.way = product, way
        self.here = product.person()
        if way == "demote":
            self._shell("person.is_staff = True", "person.save()")
        self.there = product.sign_in(self.here.email, PASSWORD)
        self.code = 4401 if way in ("demote", "expire") else 4409
        self.paths = cycle([FEED] if way == "demote" else [LIST, FEED])

    async def fill(self, number: int) -> list[Guest]:
        return [await Guest.enter(self.there, next(self.paths)) for _ in range(number)]

    def begin(self) -> float:
        """Returns the moment at which it was asked for."""
        return getattr(self, f"_{self.way}")()

    def _revoke(self) -> float:
        doomed = self.there.get("sessions")["results"][0]["id"]
        return answered(lambda: self.here.http.delete(f"/api/v1/sessions/{doomed}").status_code)

    def _logout(self) -> float:
        return answered(lambda: self.there.http.post("/api/v1/auth/logout").status_code)

    def _disable(self) -> float:
        return self._shell("person.is_active = False", "person.save()")

    def _password(self) -> float:
        return self._shell(f"person.set_password({OTHER!r})", "person.save()")

    def _demote(self) -> float:
        return self._shell("person.is_staff = False", "person.save()")

    def _expire(self) -> float:
        long_ago = "timezone.now() - timedelta(days=8)"
        idle = f"person.live_sessions.update(last_active_at={long_ago})"
        return self._shell(idle, "expire_sessions()")

    def _shell(self, prepare: str, act: str) -> float:
        story = (IMPORTS, f"person = User.objects.get(email={self.here.email!r})", prepare)
        told = "print(time.time())"
        return float(self.product.manage("shell", "-v0", "-c", "\n".join([*story, told, act])))


def answered(ask: Callable[[], int]) -> float:
    began = time.time()
    assert ask() in (200, 204)
    return began


WAYS = ("revoke", "logout", "disable", "password", "demote", "expire")


@pytest.mark.timeout(300)
def test_r29_a_hundred_sockets_are_closed_within_a_second(product: Product, score: Score):
    async def story() -> None:
        for way in WAYS:
            ending = await asyncio.to_thread(Ending, product, way)
            guests = await ending.fill(100)
            began = await asyncio.to_thread(ending.begin)
            if way != "disable":
                await asyncio.to_thread(news_for, ending)
            await asyncio.wait([guest.task for guest in guests], timeout=20)
            took = sorted((guest.closed_at or began + 20) - began for guest in guests)
            score.holds(f"{way}: p99 s of 100 sockets", took[98], at_most=1.0)
            score.holds(f"{way}: codes", codes(guests), exactly=str([ending.code]))
            score.holds(f"{way}: frames after the end", overheard(guests), exactly=0)

    asyncio.run(story())


def news_for(ending: Ending) -> None:
    """Of a new sign-in, and of money: nothing that was thrown out may hear of them."""
    password = OTHER if ending.way == "password" else PASSWORD
    buyer = ending.product.sign_in(ending.here.email, password)
    ending.product.stripe.pay(buyer.checkout("lifetime")).raise_for_status()
    buyer.wait_until_all_is_heard()


def codes(guests: Sequence[Guest]) -> str:
    return str(sorted({guest.code for guest in guests}))


def overheard(guests: Sequence[Guest]) -> int:
    return sum(guest.heard_after_its_end for guest in guests)


@pytest.mark.timeout(300)
def test_r29_a_hung_redis_holds_no_end_for_long(product: Product, score: Score):
    async def story() -> None:
        endings = [await asyncio.to_thread(Ending, product, way) for way in WAYS]
        guests = [await ending.fill(17) for ending in endings]
        await asyncio.to_thread(product.signal, "redis", signal.SIGSTOP)
        try:
            began = [await asyncio.to_thread(ending.begin) for ending in endings]
            for ending in endings:
                # A demoted person is still one who is signed in.
                asked = await asyncio.to_thread(ending.there.http.get, "/api/v1/me")
                expected = 200 if ending.way == "demote" else 401
                score.holds(f"{ending.way}: status, at once", asked.status_code, exactly=expected)
            await asyncio.wait([each.task for those in guests for each in those], timeout=40)
        finally:
            await asyncio.to_thread(product.signal, "redis", signal.SIGCONT)
        for ending, those, since in zip(endings, guests, began, strict=True):
            took = max((each.closed_at or since + 99) - since for each in those)
            score.holds(f"{ending.way}: s until 17 are closed, no Redis", took, at_most=31.0)
            score.holds(f"{ending.way}: codes", codes(those), exactly=str([ending.code]))

    asyncio.run(story())
