"""The cookie's sign-in: Django's session names a live session, and both have to be good."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from sessions_live.finding import find_usable_session
from sessions_live.models import LiveSession

SESSION_CLAIM = "sid"
RENEWED = "renewed"
# In the cookie of somebody who was thrown out: the reason, in the row's word for it.
ENDED = "ended"
FAREWELLS = {
    "revoked": "This device was signed out from another one of yours.",
    "ended_by_staff": "Our staff signed this device out. Ask us if you do not know why.",
    "password_changed": "Your password was changed, so every other device was signed out.",
    "disabled": "Your account is disabled.",
    "erased": "Your account is closed, as you asked for, and is being erased.",
    "refresh_reused": "This session was ended because somebody else may have used it.",
    "expired": "You were signed out after seven days without activity.",
}


def find_cookie_session(cookie: SessionBase) -> LiveSession | None:
    """No statement for an anonymous cookie; one, person included, for a signed-in one."""
    if SESSION_CLAIM not in cookie or SESSION_KEY not in cookie:
        return None
    session = find_usable_session(UUID(cookie[SESSION_CLAIM]))
    if session is None or str(session.user_id) != cookie[SESSION_KEY]:
        return None
    signed_in_with = cookie.get(HASH_SESSION_KEY, "")
    if not constant_time_compare(signed_in_with, session.user.get_session_auth_hash()):
        return None
    return session


def renew(cookie: SessionBase) -> None:
    """Once a day, so that the cookie lasts a week from the last visit and not from the first."""
    today = timezone.now().date().isoformat()
    if cookie.get(RENEWED) != today:
        cookie[RENEWED] = today


def why_ended(cookie: SessionBase) -> str:
    """Empty where the person knows, or nobody does."""
    if SESSION_CLAIM not in cookie:
        return ""
    named = LiveSession.objects.filter(pk=cookie[SESSION_CLAIM])
    reason = named.exclude(ended_at=None).values_list("end_reason", flat=True).first()
    return reason if reason in FAREWELLS else ""
