"""What is looked after at all times: who is still allowed in, who is online, who does not read."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Collection
from typing import TYPE_CHECKING
from uuid import UUID

import redis.asyncio
from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.utils import timezone

from config.kit.errors import as_words
from sessions_live import listing
from sessions_live.live import CREDENTIAL_ENDED, EXPIRED, SESSION_REVOKED
from sessions_live.models import LiveSession
from sessions_live.presence import BEAT_SECONDS, Attendance

if TYPE_CHECKING:
    from sessions_live.hub import Hub

log = logging.getLogger(__name__)

REAUTHORISE_SECONDS = 30.0
LOOK_SECONDS = 0.5


class Keeper:
    def __init__(self, hub: Hub, client: redis.asyncio.Redis) -> None:
        self._hub = hub
        self._attendance = Attendance(client)
        self._present: set[UUID] = set()
        self._departed: set[UUID] = set()
        self._called: set[UUID] = set()
        self._failed = False

    # --- who is online ----------------------------------------------------------------------------

    async def welcome(self, session_id: UUID) -> None:
        """The first socket of a session in this process makes it known."""
        self._departed.discard(session_id)
        if session_id in self._present:
            return
        self._present.add(session_id)
        await self._try(self._attend({session_id}))

    def miss(self, session_id: UUID) -> None:
        """It has no socket left here; soon told, as it may be back in a moment."""
        self._present.discard(session_id)
        self._departed.add(session_id)

    def answer_the_roll(self, session_ids: Collection[UUID]) -> None:
        self._called |= self._present.intersection(session_ids)

    async def keep_the_attendance(self) -> None:
        beaten = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for socket in self._hub.sockets:
                socket.cut_if_stalled()
            now = time.monotonic()
            if now - beaten >= BEAT_SECONDS:
                beaten = now
                self._called |= self._present
            called, self._called = self._called, set()
            await self._try(self._attend(called))
            await self.tell_departures()
            await self._try(self._sweep())

    async def tell_departures(self) -> None:
        departed, self._departed = self._departed, set()
        if departed:
            await self._try(self._depart(departed))

    async def _attend(self, session_ids: Collection[UUID]) -> None:
        come = await self._attendance.attend(session_ids)
        if come:
            await database_sync_to_async(listing.show_presence)(come, online=True)

    async def _depart(self, session_ids: Collection[UUID]) -> None:
        await self._attendance.depart(session_ids)
        # Asks every process whether they are online there.
        await self._hub.publish(f"roll - {' '.join(map(str, session_ids))}")

    async def _sweep(self) -> None:
        gone = await self._attendance.sweep()
        if gone:
            await database_sync_to_async(listing.show_presence)(gone, online=False)

    async def _try(self, step: Awaitable[None]) -> None:
        # Without Redis nobody is known to be online; the next beat makes it good.
        try:
            await step
        except (redis.RedisError, OSError, DatabaseError) as error:
            if not self._failed:
                log.warning("who is online is not known for now: %s", as_words(error))
            self._failed = True
        else:
            self._failed = False

    # --- who is allowed in ------------------------------------------------------------------------

    async def authorise_again_and_again(self) -> None:
        """Finds within its span what no hang-up told of: two statements for all sockets."""
        while True:
            await asyncio.sleep(REAUTHORISE_SECONDS)
            try:
                await self._authorise_again()
            except DatabaseError as error:
                log.error("sockets were not authorised again: %s", as_words(error))

    async def _authorise_again(self) -> None:
        sockets = self._hub.sockets
        staff_of_usable, ended = await judge({socket.session_id for socket in sockets})
        for socket in sockets:
            if socket.session_id in ended:
                reason = ended[socket.session_id]
                # The same code as the call that was lost would have brought.
                socket.hang_up(CREDENTIAL_ENDED if reason == EXPIRED else SESSION_REVOKED, reason)
            elif socket.session_id not in staff_of_usable:
                socket.hang_up(CREDENTIAL_ENDED)
            elif socket.admission.is_staff and not staff_of_usable[socket.session_id]:
                socket.hang_up(CREDENTIAL_ENDED, "demoted")


@database_sync_to_async
def judge(session_ids: set[UUID]) -> tuple[dict[UUID, bool], dict[UUID, str]]:
    """Which are usable, and whether by staff; and why the others ended, if they did."""
    usable = LiveSession.objects.usable(timezone.now()).filter(pk__in=session_ids)
    staff = dict(usable.values_list("pk", "user__is_staff"))
    ended = LiveSession.objects.exclude(ended_at=None).filter(pk__in=session_ids - staff.keys())
    return staff, dict(ended.values_list("pk", "end_reason"))
