"""Whether a socket may open: by cookie from an allowed origin, or by an access token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import parse_cookie

from config.kit.client_address import network, trusted_address
from sessions_live.cookies import find_cookie_session
from sessions_live.finding import find_usable_session
from sessions_live.models import LiveSession
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
    is_staff: bool
    network: str
    expires_at: datetime | None = None


def admit(scope: dict[str, Any]) -> Admission:
    """Raises HandshakeRefused with the close code. A token in the query string is never read."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    if origin is not None and origin.decode("latin-1").lower() not in settings.FRONTEND_URLS:
        raise HandshakeRefused(FOREIGN_ORIGIN)
    if BEARER in scope["subprotocols"]:
        session, expires_at = _by_token(scope["subprotocols"])
    else:
        session, expires_at = _by_cookie(headers.get(b"cookie", b""), origin=origin), None
    if session is None:
        raise HandshakeRefused(UNAUTHENTICATED)
    whence = network(_address(scope))
    return Admission(session.pk, session.user_id, session.user.is_staff, whence, expires_at)


def _by_token(subprotocols: list[str]) -> tuple[LiveSession | None, datetime | None]:
    try:
        claims = read_access(next(word for word in subprotocols if word != BEARER))
    except (StopIteration, TokenRefused):
        return None, None
    return find_usable_session(claims.session_id), claims.expires_at


def _by_cookie(cookies: bytes, *, origin: bytes | None) -> LiveSession | None:
    key = parse_cookie(cookies.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    # A browser always names the origin; whoever sends a cookie without one is none.
    if origin is None:
        raise HandshakeRefused(FOREIGN_ORIGIN)
    return find_cookie_session(import_module(settings.SESSION_ENGINE).SessionStore(key))


def _address(scope: dict[str, Any]) -> str | None:
    forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    peer, _ = scope.get("client") or ("", 0)
    return trusted_address(peer, b",".join(forwarded).decode("latin-1"))
