"""Sessions' tokens of many requests at once (config/kit/bearers.py)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from config.kit.bearers import Caller
from sessions_live.finding import find_usable_people
from sessions_live.tokens import TokenRefused, read_access


class SessionBearers:
    def recognise(self, bearer: str) -> UUID | None:
        try:
            return read_access(bearer).session_id
        except TokenRefused:
            return None

    def find(self, recognised: Sequence[UUID], scope: str) -> list[Caller | None]:
        """A person may do whatever there is a scope for."""
        people = find_usable_people(set(recognised))
        return [
            Caller(people[session_id]) if session_id in people else None
            for session_id in recognised
        ]
