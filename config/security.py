"""The Content Security Policy: strict everywhere, looser only where the admin's skin needs it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; manifest-src 'self'"
)
# Unfold's Alpine evaluates expressions and sets inline styles; its pages are for staff alone.
ADMIN = STRICT.replace(
    "script-src 'self'; style-src 'self'",
    "script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'",
)


class ContentSecurityPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = ADMIN if request.path.startswith("/admin/") else STRICT
        response.setdefault("Content-Security-Policy", policy)
        return response
