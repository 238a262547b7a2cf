"""What each socket tells, and what it answers."""

from __future__ import annotations

import json
from typing import Any

import redis
from channels.db import database_sync_to_async

from sessions_live import sessions
from sessions_live.feed import Event, read_missed
from sessions_live.listing import as_frame, shown_to
from sessions_live.models import User
from sessions_live.rooms import STAFF, payments_room, rank_room, sessions_room
from sessions_live.sockets import RESET, LiveSocket, Malformed, Message


class PaymentsSocket(LiveSocket):
    """News of one's money, each once on a socket. What was missed before is asked for with
    `resume`."""

    # Live news wait here while older ones are read, so that the older ones come first.
    _later: list[Event] | None = None
    # From the one to the other this socket was told everything.
    _since: int | None = None
    _newest = 0

    def feeds(self) -> list[str]:
        own = payments_room(self.admission.user_id)
        return [own, STAFF] if self.admission.is_staff else [own]

    def rooms(self) -> list[str]:
        rank = [rank_room(self.admission.user_id)] if self.admission.is_staff else []
        return [*super().rooms(), *self.feeds(), *rank]

    async def answer(self, message: Message) -> None:
        if message["type"] != "resume":
            return await super().answer(message)
        after = message.get("after")
        if type(after) is not int or not 0 <= after < 1 << 53:
            raise Malformed("invalid_after", '"after" is the event_id that was seen last.')
        return await self._resume(after)

    def deliver(self, event_id: int, frame: str) -> None:
        # News are read from the feed over another connection, and may be heard of after that.
        if event_id <= self._newest:
            return
        self._newest = event_id
        self._since = self._since or event_id
        if self._later is None:
            self.say(frame)
        else:
            self._later.append((event_id, frame))

    def reset(self) -> None:
        # It may be another Redis that speaks now, whose clock is behind.
        self._since, self._newest = None, 0
        super().reset()

    async def _resume(self, after: int) -> None:
        self._later = []
        try:
            missed = await read_missed(self.hub, self.feeds(), after=after)
        except (redis.RedisError, OSError):
            missed = None
        later, self._later = self._later, None
        if missed is None:
            self.say(RESET)
            missed = []
        else:
            missed = [event for event in missed if self._since is None or event[0] < self._since]
            self._since = min(self._since or after + 1, after + 1)
        for event_id, frame in sorted({*missed, *later}):
            self._newest = max(self._newest, event_id)
            self.say(frame)


class SessionsSocket(LiveSocket):
    """Where one is signed in, live, and how to end it."""

    def rooms(self) -> list[str]:
        return [*super().rooms(), sessions_room(self.admission.user_id)]

    async def greet(self) -> None:
        user_id, own = self.admission.user_id, self.session_id
        shown = await database_sync_to_async(shown_to)(user_id, own=own)
        self.say_first(as_frame(shown))
        # The own one comes first; it may have ended a moment ago.
        if shown and shown[0].pop("is_current"):
            self.hub.activity.know(own, shown[0] | {"online": True})

    def reset(self) -> None:
        self.hub.relisting.ask(self)

    async def answer(self, message: Message) -> None:
        match message["type"]:
            case "update_activity":
                await self.hub.activity.happens(self.session_id, self.admission.user_id)
            case "revoke_session":
                await self._revoke(message)
            case "revoke_all_sessions":
                count = await self._as_owner(sessions.revoke_others, but=self.session_id)
                self._acknowledge(message, success=True, revoked_count=count)
            case _:
                await super().answer(message)

    async def _revoke(self, message: Message) -> None:
        try:
            await self._as_owner(sessions.revoke, str(message.get("id")))
        except sessions.SessionNotFound as refusal:
            self._acknowledge(message, success=False, error=refusal.detail)
        else:
            self._acknowledge(message, success=True)

    async def _as_owner(self, act: Any, *terms: Any, **named: Any) -> Any:
        owner = User(pk=self.admission.user_id)
        return await database_sync_to_async(act)(owner, *terms, **named)

    def _acknowledge(self, message: Message, **outcome: object) -> None:
        self.say(json.dumps({"type": "ack", "ref": message.get("ref"), **outcome}))
