"""A program with its key: at most one statement, and none for a text that is no key of ours."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apikeys.finding import find_usable_key
from apikeys.guessing import note_guess
from apikeys.keys import KeyNotValid
from apikeys.models import APIKey
from config.kit.client_address import client_address
from config.kit.scopes import refuse_beyond
from sessions_live.models import User
from sessions_live.tokens import CHALLENGE

# How exactly the last use is known, and so how seldom it is written.
SAMPLE = timedelta(minutes=1)


class KeyAuthentication(BaseAuthentication):
    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[User, APIKey] | None:
        header = get_authorization_header(request).decode("latin-1")
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.startswith("sk_"):
            return None
        now = timezone.now()
        key = find_usable_key(secret.strip(), now)
        if key is None:
            note_guess(secret.strip(), client_address(request.META))
            raise AuthenticationFailed(KeyNotValid.detail, code=KeyNotValid.code)
        refuse_beyond(key.scopes, request.parser_context["view"], request.method or "")
        note_use(key.pk, key.last_used_at, now)
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def note_use(key_id: int, last_used_at: datetime | None, at: datetime) -> None:
    if last_used_at and at - last_used_at < SAMPLE:
        return
    APIKey.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lte=at - SAMPLE), pk=key_id
    ).update(last_used_at=at)
