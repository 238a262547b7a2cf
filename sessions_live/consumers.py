"""What each socket tells, and what it answers."""

from __future__ import annotations

import redis

from sessions_live.live import KEPT_EVENTS, payments_room
from sessions_live.sockets import LiveSocket, Malformed, Message


class PaymentsSocket(LiveSocket):
    """News of one's money. What was missed in between is asked for with `resume`."""

    # Live news wait here while older ones are read, so that all arrive in order and once.
    _held: list[tuple[int, str]] | None = None

    def rooms(self) -> list[str]:
        return [*super().rooms(), payments_room(self.admission.user_id)]

    async def answer(self, message: Message) -> None:
        if message["type"] != "resume":
            return await super().answer(message)
        after = message.get("after")
        if type(after) is not int or not 0 <= after < 1 << 53:
            raise Malformed("invalid_after", '"after" is the event_id that was seen last.')
        return await self._resume(after)

    def deliver(self, event_id: int, frame: str) -> None:
        if self._held is None:
            self.say(frame)
        else:
            self._held.append((event_id, frame))

    async def _resume(self, after: int) -> None:
        self._held = []
        missed = await self._missed(after)
        if missed is None:
            self.reset()
            missed = []
        last = missed[-1][0] if missed else after
        held, self._held = self._held, None
        for _, frame in missed + [event for event in held if event[0] > last]:
            self.say(frame)

    async def _missed(self, after: int) -> list[tuple[int, str]] | None:
        """None where a gap cannot be excluded: the event seen last is not among the kept ones."""
        try:
            kept = await self.hub.read_feed(
                self.admission.user_id, after=after, most=KEPT_EVENTS + 1
            )
        except redis.RedisError:
            return None
        if kept and kept[0][0] == after:
            return kept[1:]
        # Nothing seen yet: then all that is kept is all there was, unless some had to go.
        return kept if after == 0 and 0 < len(kept) < KEPT_EVENTS else None
