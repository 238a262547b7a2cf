"""Makes the person of a request the one of its live session, in one statement, when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from sessions_live.cookies import ENDED, find_cookie_session, renew, why_ended
from sessions_live.models import User


class LiveSessionMiddleware:
    """Stands after Django's AuthenticationMiddleware, whose own lookup then never happens."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = cache(partial(person_of, request))
        request.user = SimpleLazyObject(person)  # type: ignore[assignment]
        request.auser = sync_to_async(person)
        return self.get_response(request)


def person_of(request: HttpRequest) -> User | AnonymousUser:
    session = find_cookie_session(request.session)
    if session is not None:
        renew(request.session)
        return session.user
    if SESSION_KEY in request.session:
        ended = why_ended(request.session)
        request.session.flush()
        if ended:
            # Kept until the sign-in page tells.
            request.session[ENDED] = ended
    return AnonymousUser()
