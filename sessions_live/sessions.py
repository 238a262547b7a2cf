"""When a live session begins and ends: one is one sign-in on one device, however many tabs."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from sessions_live import live
from sessions_live.models import LiveSession, User


def open_session(
    user: User, *, ip: str | None, user_agent: str, refresh_jti: str = ""
) -> LiveSession:
    session = LiveSession.objects.create(
        user=user,
        ip=ip,
        user_agent=user_agent.replace("\0", "")[:400],
        refresh_jti=refresh_jti,
    )
    user.live_session = session
    return session


def find_usable_session(session_id: UUID | str) -> LiveSession | None:
    """One statement, on every request: so a revoked session is out at once, everywhere."""
    session = LiveSession.objects.usable().filter(pk=session_id).first()
    if session is not None:
        session.user.live_session = session
    return session


def end_session(session_id: UUID | str, *, reason: str) -> bool:
    """Safe to call twice: only the call that ended it returns True."""
    # Own columns only: PostgreSQL does not look again at a joined table after waiting for a lock.
    ended = LiveSession.objects.live().filter(pk=session_id).update(**_ended(reason))
    if ended:
        live.hang_up(session_id)
    return bool(ended)


def end_sessions_of(user: User, *, reason: str, but: LiveSession | None = None) -> int:
    ending = LiveSession.objects.live().filter(user=user)
    if but is not None:
        ending = ending.exclude(pk=but.pk)
    return sum(end_session(pk, reason=reason) for pk in ending.values_list("pk", flat=True))


def _ended(reason: str) -> dict[str, object]:
    return {"ended_at": timezone.now(), "end_reason": reason, "refresh_jti": ""}
