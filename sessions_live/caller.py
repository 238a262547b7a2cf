"""Who acts. It comes from the credential, never from the body."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from sessions_live.models import User


def caller(request: Request | HttpRequest) -> User:
    """For doors that only let signed-in people in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user
