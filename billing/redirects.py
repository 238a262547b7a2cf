"""Where a provider may send a browser back to: our own front ends alone."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def is_allowed(url: str) -> bool:
    parts = urlsplit(url)
    # A user, a backslash or a control character makes browsers and parsers disagree on the host.
    if parts.username is not None or "\\" in url or any(ord(letter) < 33 for letter in url):
        return False
    return f"{parts.scheme}://{parts.netloc}" in settings.FRONTEND_URLS


def default_success_url(request: HttpRequest) -> str:
    """Our own return page; the provider puts the session's id into the braces."""
    page = request.build_absolute_uri(reverse("checkout-return"))
    return f"{page}?session_id={{CHECKOUT_SESSION_ID}}"


def default_cancel_url(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("pricing"))
