"""After news were missed every list of sessions is sent anew, once for all sockets of a sign-in."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import TYPE_CHECKING
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import DatabaseError

from config.kit.errors import as_words
from sessions_live.listing import frame_of_all

if TYPE_CHECKING:
    from sessions_live.sockets import LiveSocket

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


class Relisting:
    def __init__(self) -> None:
        self._waiting: set[LiveSocket] = set()
        self._task: asyncio.Task[None] | None = None

    def ask(self, socket: LiveSocket) -> None:
        self._waiting.add(socket)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                asking, self._waiting = self._waiting, set()
                await self._tell(asking)
        finally:
            self._task = None

    async def _tell(self, asking: set[LiveSocket]) -> None:
        by_session: defaultdict[tuple[int, UUID], list[LiveSocket]] = defaultdict(list)
        for socket in asking:
            by_session[socket.admission.user_id, socket.session_id].append(socket)
        for (user_id, session_id), sockets in by_session.items():
            try:
                frame = await database_sync_to_async(frame_of_all)(user_id, own=session_id)
            except DatabaseError as error:
                log.error("lists of sessions wait for the database: %s", as_words(error))
                self._waiting |= asking
                await asyncio.sleep(RETRY_SECONDS)
                return
            for socket in sockets:
                socket.say(frame)
