"""Sending events out: at once, concurrently, and again until someone says 2xx.

A tester can hold them back, send them twice, shuffle them or lose them.
"""

import asyncio
import json
import random
import time
from typing import Any, Literal

import httpx

from sandbox.world.rows import World

from .signing import signature

Mode = Literal["normal", "hold", "duplicate", "shuffle", "drop"]
MODES: tuple[Mode, ...] = ("normal", "hold", "duplicate", "shuffle", "drop")
BACK_OFF = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_AT_ONCE = 10
_TIME_OUT = 20.0
_KEPT = 2000


class Courier:
    """Delivers; lives on the event loop of the process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mode: Mode = "normal"
        self.count = 0
        self.left: int | None = None
        self.held: list[str] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.places = asyncio.Semaphore(_AT_ONCE)
        self.client: httpx.AsyncClient | None = None

    def start(self) -> None:
        """Take over what a former process had not delivered."""
        self.client = httpx.AsyncClient(timeout=_TIME_OUT, trust_env=False)
        self.world.on_commit = self.take
        pending = [r.id for r in self.world.peek("_delivery") if r.body["status"] == "pending"]
        self.take(pending)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.client:
            await self.client.aclose()

    def reset(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.held.clear()
        self.set_mode("normal")

    # -- how they go out

    def set_mode(self, mode: Mode, count: int | None = None) -> None:
        """`count`: how many copies are sent, are shuffled at a time, or are lost."""
        self.mode = mode
        self.count = count or {"duplicate": 2, "shuffle": 5}.get(mode, 0)
        self.left = count if mode == "drop" else None
        if mode == "normal":
            self.flush()

    def take(self, ids: list[str]) -> None:
        for id_ in ids:
            if self.mode in ("hold", "shuffle"):
                self.held.append(id_)
            elif self.mode == "drop" and self.left != 0:
                self.left = self.left - 1 if self.left else self.left
                self._drop(id_)
            else:
                self._send(id_, copies=self.count if self.mode == "duplicate" else 1)
        if self.mode == "shuffle" and len(self.held) >= self.count:
            self.flush()

    def flush(self) -> int:
        """Send what was held back; in no order at all when shuffling."""
        held, self.held = self.held, []
        if self.mode == "shuffle":
            random.shuffle(held)
        for id_ in held:
            self._send(id_)
        return len(held)

    def _drop(self, id_: str) -> None:
        # The unit of work that made it has just been kept: this is one of its own.
        with self.world.work():
            self.world.body(id_)["status"] = "dropped"

    def _send(self, id_: str, copies: int = 1) -> None:
        for copy in range(copies):
            task = asyncio.get_running_loop().create_task(self._deliver(id_, first=copy == 0))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    # -- one delivery

    async def _deliver(self, id_: str, first: bool) -> None:
        for pause in (*BACK_OFF, None):
            async with self.places:
                sent = await self._attempt(id_, first)
            if sent or pause is None or not first:
                break
            await asyncio.sleep(pause)
        if first and id_ in self.world.rows:
            with self.world.work():
                delivery = self.world.body(id_)
                if delivery["status"] == "pending":
                    delivery["status"] = "failed"
        self._forget_old()

    async def _attempt(self, id_: str, first: bool) -> bool:
        """True when there is nothing more to do for this delivery."""
        row = self.world.rows.get(id_)
        if row is None or (first and row.body["status"] != "pending"):
            return True
        endpoint = self.world.rows.get(row.body["endpoint"])
        event = self.world.rows.get(row.body["event"])
        if endpoint is None or event is None or endpoint.notes.get("deleted"):
            return True
        body = json.dumps(event.body, indent=2).encode()
        outcome = await self._post(endpoint.body["url"], body, endpoint.notes["secret"])
        return self._record(id_, outcome)

    async def _post(self, url: str, body: bytes, secret: str) -> dict[str, Any]:
        assert self.client is not None
        # Signatures carry the real time, wherever the sandbox's clock has been moved to.
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(body, secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        started = time.monotonic()
        try:
            answer = await self.client.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return {"http_status": None, "error": repr(error)[:200]}
        took = round((time.monotonic() - started) * 1000)
        return {"http_status": answer.status_code, "error": None, "milliseconds": took}

    def _record(self, id_: str, outcome: dict[str, Any]) -> bool:
        if id_ not in self.world.rows:
            return True
        done = outcome["http_status"] is not None and 200 <= outcome["http_status"] < 300
        with self.world.work():
            delivery = self.world.body(id_)
            delivery.update(outcome, attempts=delivery["attempts"] + 1)
            if done and delivery["status"] == "pending":
                delivery["status"] = "delivered"
                event = self.world.body(delivery["event"])
                event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
        return done

    def _forget_old(self) -> None:
        rows = self.world.kinds.get("_delivery", {})
        if len(rows) <= _KEPT + 200:
            return
        done = [row.id for row in rows.values() if row.body["status"] != "pending"]
        with self.world.work():
            for id_ in done[: len(rows) - _KEPT]:
                self.world.remove(id_)
