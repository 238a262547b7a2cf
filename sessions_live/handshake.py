"""Whether a socket may open: by cookie from an allowed origin, or by an access token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import parse_cookie

from sessions_live.cookies import find_cookie_session
from sessions_live.models import LiveSession
from sessions_live.sessions import find_usable_session
from sessions_live.tokens import TokenRefused, read_access

BEARER = "bearer"
UNAUTHENTICATED, FOREIGN_ORIGIN = 4401, 4403


class HandshakeRefused(Exception):
    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Admission:
    session_id: UUID
    user_id: int
    expires_at: datetime | None = None


def admit(scope: dict[str, Any]) -> Admission:
    """Raises HandshakeRefused with the close code. A token in the query string is never read."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    if origin is not None and origin.decode("latin-1").lower() not in settings.FRONTEND_URLS:
        raise HandshakeRefused(FOREIGN_ORIGIN)
    if BEARER in scope["subprotocols"]:
        return _by_token(scope["subprotocols"])
    key = parse_cookie(headers.get(b"cookie", b"").decode("latin-1")).get(
        settings.SESSION_COOKIE_NAME
    )
    if not key:
        raise HandshakeRefused(UNAUTHENTICATED)
    # A browser always names the origin; whoever sends a cookie without one is none.
    if origin is None:
        raise HandshakeRefused(FOREIGN_ORIGIN)
    return _by_cookie(key)


def _by_token(subprotocols: list[str]) -> Admission:
    try:
        claims = read_access(next(word for word in subprotocols if word != BEARER))
    except (StopIteration, TokenRefused):
        raise HandshakeRefused(UNAUTHENTICATED) from None
    return _admission(find_usable_session(claims.session_id), claims.expires_at)


def _by_cookie(key: str) -> Admission:
    cookie = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return _admission(find_cookie_session(cookie))


def _admission(session: LiveSession | None, expires_at: datetime | None = None) -> Admission:
    if session is None:
        raise HandshakeRefused(UNAUTHENTICATED)
    return Admission(session.pk, session.user_id, expires_at)
