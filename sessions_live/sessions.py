"""When a live session begins and ends: one is one sign-in on one device, however many tabs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from config.kit.errors import AppError
from sessions_live import live
from sessions_live.devices import recognise
from sessions_live.familiarity import is_new_to
from sessions_live.listing import describe
from sessions_live.models import LiveSession, LiveSessionQuerySet, User
from sessions_live.places import locate
from sessions_live.signals import signed_in_anew

# Of what a person does on the page, and of requests, which come too often to write down each.
BETWEEN_TOUCHES = timedelta(seconds=5)
BETWEEN_REQUESTS = timedelta(minutes=1)
# One statement and one message each; what is left over waits for the next minute.
MOST_EXPIRED_AT_ONCE = 1_000


class SessionNotFound(AppError):
    code = "not_found"
    status = 404
    detail = "Session not found"


@transaction.atomic
def open_session(
    user: User, *, ip: str | None, user_agent: str, refresh_jti: str = ""
) -> LiveSession:
    user_agent = user_agent.replace("\0", "")[:400]
    device = recognise(user_agent)
    is_new = is_new_to(user, device, ip)
    session = LiveSession.objects.create(
        user=user,
        ip=ip,
        location=locate(ip),
        user_agent=user_agent,
        device_type=device.type,
        browser=device.browser,
        os=device.os,
        refresh_jti=refresh_jti,
    )
    user.live_session = session
    if is_new:
        signed_in_anew.send(LiveSession, session=session)
    live.say_created(user.pk, describe(session, online=False))
    return session


def touch(session_ids: Collection[UUID], *, at: datetime) -> None:
    """Somebody is active in them. However many ask, a row is written once in five seconds."""
    resting = LiveSession.objects.live().filter(last_active_at__lt=at - BETWEEN_TOUCHES)
    resting.filter(pk__in=session_ids).update(last_active_at=at)


def end_session(session_id: UUID | str, *, reason: str) -> bool:
    """Safe to call twice: only the call that ended it returns True."""
    return bool(_end(LiveSession.objects.filter(pk=session_id), reason=reason))


def revoke(user: User, session_id: UUID | str) -> None:
    """Raises SessionNotFound for what is over and for what is somebody else's, without a
    difference."""
    try:
        wanted = UUID(str(session_id))
    except ValueError:
        raise SessionNotFound from None
    if not _end(LiveSession.objects.filter(pk=wanted, user=user), reason="revoked"):
        raise SessionNotFound


def revoke_others(user: User, *, but: UUID) -> int:
    return _end(LiveSession.objects.filter(user=user).exclude(pk=but), reason="revoked")


def end_sessions_of(user: User, *, reason: str, but: LiveSession | None = None) -> int:
    ending = LiveSession.objects.filter(user=user)
    return _end(ending.exclude(pk=but.pk) if but is not None else ending, reason=reason)


def expire_sessions() -> int:
    """Ends those that nobody was active in for a week."""
    idle = LiveSession.objects.idle().order_by("last_active_at")
    found = list(idle.values_list("pk", flat=True)[:MOST_EXPIRED_AT_ONCE])
    # Looked at again under the lock: somebody may be back this very moment.
    ending = LiveSession.objects.idle().filter(pk__in=found)
    return _end(ending, reason=live.EXPIRED)


@transaction.atomic
def _end(sessions: LiveSessionQuerySet, *, reason: str) -> int:
    # Own columns only: PostgreSQL does not look again at a joined table after waiting for a lock.
    # In one order, so that two who end the same sessions never wait for each other.
    ending = sessions.live().order_by("pk").select_for_update(of=("self",))
    of_whom: defaultdict[int, list[UUID]] = defaultdict(list)
    for session_id, user_id in ending.values_list("pk", "user_id"):
        of_whom[user_id].append(session_id)
    ended = [session_id for theirs in of_whom.values() for session_id in theirs]
    if ended:
        over = {"ended_at": timezone.now(), "end_reason": reason, "refresh_jti": ""}
        LiveSession.objects.filter(pk__in=ended).update(**over)
    for user_id, theirs in of_whom.items():
        live.end(user_id, theirs, reason=reason)
    return len(ended)
