"""Access and refresh tokens of a live session. Only its newest refresh token is good."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from django.db.models import Exists, OuterRef
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from config.kit.errors import AppError
from sessions_live.models import LiveSession, User
from sessions_live.sessions import end_session, open_session

CHALLENGE = 'Bearer realm="api"'


class TokenRefused(AppError):
    code = "token_not_valid"
    status = 401
    detail = "The token is malformed, expired, or its session has ended; sign in again."
    auth_header = CHALLENGE


@dataclass(frozen=True, slots=True)
class TokenPair:
    access: str
    refresh: str
    session_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class AccessClaims:
    session_id: uuid.UUID
    expires_at: datetime


def sign_in(user: User, *, ip: str | None, user_agent: str) -> TokenPair:
    refresh_jti = uuid.uuid4().hex
    session = open_session(user, ip=ip, user_agent=user_agent, refresh_jti=refresh_jti)
    return _mint(session.pk, user.pk, refresh_jti)


def rotate(refresh: str) -> TokenPair:
    """Raises TokenRefused; a refresh token that was used before ends its session as stolen."""
    token = _read(RefreshToken, refresh)
    session_id, next_jti = _session_of(token), uuid.uuid4().hex
    # The old id in the WHERE decides between two who show the same token at once.
    active_user = User.objects.filter(pk=OuterRef("user_id"), is_active=True)
    current = LiveSession.objects.live().filter(
        Exists(active_user), pk=session_id, refresh_jti=token["jti"]
    )
    if not current.update(refresh_jti=next_jti, last_active_at=timezone.now()):
        end_session(session_id, reason="refresh_reused")
        raise TokenRefused
    return _mint(session_id, token[api_settings.USER_ID_CLAIM], next_jti)


def read_access(access: str) -> AccessClaims:
    """Checks signature and time, nothing else: whether the session lives is the caller's query."""
    claims = _claims_of(access)
    if claims.expires_at <= datetime.now(UTC):
        raise TokenRefused
    return claims


@lru_cache(maxsize=4096)
def _claims_of(access: str) -> AccessClaims:
    """A signature that was good stays good, and a program shows the same token again and again."""
    token = _read(AccessToken, access)
    return AccessClaims(_session_of(token), datetime.fromtimestamp(token["exp"], tz=UTC))


def _mint(session_id: uuid.UUID, user_id: int | str, refresh_jti: str) -> TokenPair:
    refresh = RefreshToken()
    refresh[api_settings.JTI_CLAIM] = refresh_jti
    refresh[api_settings.USER_ID_CLAIM] = str(user_id)
    refresh["sid"] = str(session_id)
    return TokenPair(str(refresh.access_token), str(refresh), session_id)


def _read(kind: type[Token], text: str) -> Token:
    try:
        return kind(text)  # type: ignore[arg-type]
    except TokenError:
        raise TokenRefused from None


def _session_of(token: Token) -> uuid.UUID:
    try:
        return uuid.UUID(token["sid"])
    except (KeyError, ValueError, AttributeError):
        raise TokenRefused from None
