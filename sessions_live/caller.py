"""Who acts. It comes from the credential, never from the body."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from sessions_live.models import LiveSession, User


def caller(request: Request | HttpRequest) -> User:
    """For doors that only let signed-in people in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def calling_session(request: Request | HttpRequest) -> LiveSession:
    """The sign-in that the caller acts through."""
    session = caller(request).live_session
    if session is None:
        raise NotAuthenticated
    return session
