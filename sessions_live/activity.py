"""People are active far more often than it has to be written down.

A session's row is written once in five seconds. Whoever is active in between is shown as written
last, and all who come while a write is under way share the next one.
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
from sessions_live import listing
from sessions_live.rooms import sessions_room
from sessions_live.sessions import BETWEEN_TOUCHES, touch

if TYPE_CHECKING:
    from sessions_live.hub import Hub

log = logging.getLogger(__name__)


class Activity:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        # When it was shown, and what: the rest of the wire's message after kind and room.
        self._shown: dict[UUID, tuple[float, str]] = {}
        self._waiting: set[UUID] = set()
        self._writer: asyncio.Task[None] | None = None

    async def happens(self, session_id: UUID, user_id: int) -> None:
        at, shown = self._shown.get(session_id, (0.0, ""))
        if shown and time.monotonic() - at < BETWEEN_TOUCHES.total_seconds():
            try:
                await self._hub.publish(f"active {sessions_room(user_id)} {shown}")
            except (redis.RedisError, OSError):
                # It was shown a few seconds ago; the next one shows it again.
                self.forget(session_id)
            return
        self._waiting.add(session_id)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    def remember(self, session_id: UUID, shown: str) -> None:
        """Every process hears of every write, whoever wrote."""
        before = self._shown.get(session_id)
        if self._hub.holds(session_id) and (before is None or before[1] != shown):
            self._shown[session_id] = (time.monotonic(), shown)

    def forget(self, session_id: UUID) -> None:
        self._shown.pop(session_id, None)

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
    listing.show_active(session_ids)
