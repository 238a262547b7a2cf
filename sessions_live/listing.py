"""How sessions are shown, in lists and in frames alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sessions_live import live
from sessions_live.models import LiveSession
from sessions_live.presence import online_among

# In one frame; whoever has more, such as a script that signs in every minute, reads pages.
MOST_SHOWN = 100

Shown = dict[str, Any]


def describe(session: LiveSession, *, online: bool) -> Shown:
    """All but `is_current`, which depends on who looks."""
    return {
        "id": str(session.pk),
        "device_type": session.device_type,
        "device_name": session.device_name,
        "browser": session.browser,
        "os": session.os,
        "ip": session.ip,
        "location": session.location,
        "login_time": instant(session.created_at),
        "last_active": instant(session.last_active_at),
        "online": online,
    }


def describe_for(own: UUID, sessions: Collection[LiveSession]) -> list[Shown]:
    online = online_among([session.pk for session in sessions])
    return [
        {
            **describe(session, online=session.pk in online),
            "is_current": session.pk == own,
        }
        for session in sessions
    ]


def list_sessions(user_id: int, *, own: UUID) -> list[LiveSession]:
    """The own one, then those that were active last."""
    theirs = LiveSession.objects.of(user_id)
    rest = theirs.exclude(pk=own).order_by("-last_active_at")[: MOST_SHOWN - 1]
    return [*theirs.filter(pk=own), *rest]


def frame_of_all(user_id: int, *, own: UUID) -> str:
    return as_frame(shown_to(user_id, own=own))


def shown_to(user_id: int, *, own: UUID) -> list[Shown]:
    return describe_for(own, list_sessions(user_id, own=own))


def as_frame(sessions: list[Shown]) -> str:
    return live.encode({"type": "session_update", "sessions": sessions})


def show_presence(session_ids: Iterable[UUID], *, online: bool) -> None:
    shown: dict[int, list[Shown]] = {}
    for session in LiveSession.objects.live().filter(pk__in=list(session_ids)):
        shown.setdefault(session.user_id, []).append(describe(session, online=online))
    for user_id, theirs in shown.items():
        live.show_presence(user_id, theirs)


def instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
