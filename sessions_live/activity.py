"""People are active far more often than it has to be written down.

Whoever is active is shown at once, from what their socket was greeted with. The row follows: once
in five seconds for a session, and all who come while a write is under way share the next one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

import redis
from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.utils import timezone

from config.kit.errors import as_words
from sessions_live import live
from sessions_live.listing import Shown, instant
from sessions_live.sessions import BETWEEN_TOUCHES, touch

if TYPE_CHECKING:
    from sessions_live.hub import Hub

log = logging.getLogger(__name__)


class Activity:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._shown: dict[UUID, Shown] = {}
        self._written: dict[UUID, float] = {}
        self._waiting: set[UUID] = set()
        self._writer: asyncio.Task[None] | None = None

    def know(self, session_id: UUID, shown: Shown) -> None:
        self._shown.setdefault(session_id, shown)

    def forget(self, session_id: UUID) -> None:
        self._shown.pop(session_id, None)
        self._written.pop(session_id, None)

    async def happens(self, session_id: UUID, user_id: int) -> None:
        shown, now = self._shown.get(session_id), time.monotonic()
        if shown is None:
            return
        if now - self._written.get(session_id, 0.0) >= BETWEEN_TOUCHES.total_seconds():
            self._written[session_id] = now
            shown["last_active"] = instant(timezone.now())
            self._write_down(session_id)
        try:
            await self._hub.publish(live.showing("active", user_id, shown))
        except (redis.RedisError, OSError) as error:
            # Every list of the room is read again when Redis is back.
            log.info("activity was not shown: %s", as_words(error))

    def _write_down(self, session_id: UUID) -> None:
        self._waiting.add(session_id)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                active, self._waiting = self._waiting, set()
                await note(active)
        except DatabaseError as error:
            log.error("activity was not written down: %s", as_words(error))
        finally:
            self._writer = None


@database_sync_to_async
def note(session_ids: Collection[UUID]) -> None:
    touch(session_ids, at=timezone.now())
