"""Who hears what: the names of the rooms that sockets join. No client ever names one."""

from __future__ import annotations

from uuid import UUID

# What the staff hear of everybody's disputes and refunds.
STAFF = "staff"


PAYMENTS = "payments."


def payments_room(user_id: int) -> str:
    return f"{PAYMENTS}{user_id}"


def has_feed(room: str) -> bool:
    """Whether its news are kept for those who come back; lists are simply read anew."""
    return room == STAFF or room.startswith(PAYMENTS)


def sessions_room(user_id: int) -> str:
    return f"sessions.{user_id}"


def session_room(session_id: UUID | str) -> str:
    """All sockets of one sign-in."""
    return f"session.{session_id}"


def rank_room(user_id: int) -> str:
    """Sockets that hear more because their owner is of the staff."""
    return f"rank.{user_id}"
