"""Reading a feed again from where one was, without a gap or with word of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sessions_live.live import KEPT_EVENTS

if TYPE_CHECKING:
    from sessions_live.hub import Hub

Event = tuple[int, str]


async def read_missed(hub: Hub, rooms: Sequence[str], *, after: int) -> list[Event] | None:
    """In order; None where a gap cannot be excluded. Raises RedisError."""
    feeds = [await hub.read_feed(room, after=after, most=KEPT_EVENTS + 1) for room in rooms]
    kept = sorted(event for feed in feeds for event in feed)
    # Nothing seen yet: then all that is kept is all there was, unless some had to go.
    seen_is_kept = bool(kept) and (kept[0][0] == after or after == 0)
    # A feed that is full of newer events may have let go of some that were missed.
    complete = all(len(feed) < KEPT_EVENTS or feed[0][0] == after for feed in feeds)
    if not seen_is_kept or not complete:
        return None
    return [event for event in kept if event[0] > after]
