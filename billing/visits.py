"""Who looks at a page, and how long a page that waits for news is patient."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django_htmx.http import HttpResponseClientRedirect

from sessions_live.models import User

# Seconds between two looks of a waiting page; one that is left open soon asks once a minute.
PATIENCE = (3, 3, 3, 5, 5, 10, 10, 20, 30, 60)


def visitor(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def is_part(request: HttpRequest) -> bool:
    """A page that refreshes a part of itself."""
    return bool(request.htmx)  # type: ignore[attr-defined]


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """A part of a page cannot show the sign-in page; the whole page goes there."""
    answer = redirect_to_login(request.get_full_path())
    return HttpResponseClientRedirect(answer.url) if is_part(request) else answer


def next_look(looks: int, **query: str) -> dict[str, Any]:
    """For the template: where a waiting page looks next, and after how many seconds."""
    return {
        "next_look": urlencode({**query, "looks": looks + 1}),
        "wait": PATIENCE[min(looks, len(PATIENCE) - 1)],
    }


class ReturnVisit(forms.Form):
    """Somebody comes back from the provider's page."""

    session_id = forms.RegexField(r"^\w+$", max_length=255)
    looks = forms.IntegerField(min_value=0, required=False)

    def session_or_404(self) -> str:
        if not self.is_valid():
            raise Http404
        session_id: str = self.cleaned_data["session_id"]
        return session_id

    def next_look(self) -> dict[str, Any]:
        told = self.cleaned_data
        return next_look(told["looks"] or 0, session_id=told["session_id"])
