"""The session that a credential names, with its person, in one statement: so a revoked one is out
at once, everywhere."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from config.kit.lookups import Lookup, any_of
from sessions_live.models import LONGEST_IDLE, LiveSession, User
from sessions_live.sessions import BETWEEN_REQUESTS, touch

OWN = [field.attname for field in LiveSession._meta.concrete_fields]
PERSONS = [field.attname for field in User._meta.concrete_fields]
SOME_TIME, SOME_ID = datetime(1980, 1, 1, tzinfo=UTC), UUID(int=0)
SOME_IDS = (SOME_ID,)


def rows() -> QuerySet[LiveSession, Any]:
    usable = LiveSession.objects.usable(SOME_TIME).filter(pk=SOME_ID)
    return usable.values_list(*OWN, *(f"user__{name}" for name in PERSONS))


def rows_of_many() -> QuerySet[LiveSession, Any]:
    usable = LiveSession.objects.usable(SOME_TIME).filter(pk__in=any_of("uuid", SOME_IDS))
    return usable.values_list("pk", "user_id", "last_active_at")


usable_sessions, many_usable_sessions = Lookup(rows), Lookup(rows_of_many)


def find_usable_session(session_id: UUID) -> LiveSession | None:
    now = timezone.now()
    row = usable_sessions.first({SOME_TIME - LONGEST_IDLE: now - LONGEST_IDLE, SOME_ID: session_id})
    if row is None:
        return None
    session = LiveSession.from_db(connection.alias, OWN, row[: len(OWN)])
    session.user = User.from_db(connection.alias, PERSONS, row[len(OWN) :])
    session.user.live_session = session
    if session.last_active_at < now - BETWEEN_REQUESTS:
        touch([session.pk], at=now)
    return session


def find_usable_people(session_ids: Collection[UUID]) -> dict[UUID, int]:
    """Whose these sessions are, in one statement for all; those that are not usable are missing."""
    now = timezone.now()
    actual = {SOME_TIME - LONGEST_IDLE: now - LONGEST_IDLE, SOME_IDS: list(session_ids)}
    rows = many_usable_sessions.all(actual)
    if resting := [pk for pk, _, last_active_at in rows if last_active_at < now - BETWEEN_REQUESTS]:
        touch(resting, at=now)
    return {pk: user_id for pk, user_id, _ in rows}
