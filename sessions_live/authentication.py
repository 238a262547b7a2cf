"""Who calls an API door: a bearer of a session's token, or a browser with its cookie."""

from __future__ import annotations

from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from sessions_live.finding import find_usable_session
from sessions_live.models import LiveSession, User
from sessions_live.tokens import CHALLENGE, TokenRefused, read_access


class BearerAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, LiveSession] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        # `sk_…` is an API key, which is another class's to judge.
        if scheme.lower() != "bearer" or token.startswith("sk_"):
            return None
        session = find_bearer_session(token.strip())
        if session is None:
            raise AuthenticationFailed(TokenRefused.detail, code=TokenRefused.code)
        return session.user, session

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class CookieAuthentication(SessionAuthentication):
    def authenticate(self, request: Request) -> tuple[User, LiveSession] | None:
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        user = signed_in[0]
        return (user, user.live_session) if user.live_session is not None else None


def find_bearer_session(token: str) -> LiveSession | None:
    try:
        claims = read_access(token)
    except TokenRefused:
        return None
    return find_usable_session(claims.session_id)
