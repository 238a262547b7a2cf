"""The Content Security Policy: strict everywhere, looser only where the admin's skin needs it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# A form's answer may send the browser on to a hosted page, and browsers hold that redirect to
# form-action as well.
HOSTED_PAGES = tuple(
    f"https://{page}.stripe.com" for page in ("checkout", "billing", "invoice", "connect")
)


def hosted_pages(api_base: str) -> tuple[str, ...]:
    """The origins of the providers' pages; a stand-in for a provider has its own."""
    if not api_base:
        return HOSTED_PAGES
    parts = urlsplit(api_base)
    return (*HOSTED_PAGES, f"{parts.scheme}://{parts.netloc}")


def strict_policy(form_targets: tuple[str, ...]) -> str:
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "manifest-src 'self'; form-action " + " ".join(["'self'", *form_targets])
    )


def admin_policy() -> str:
    """Unfold's Alpine evaluates expressions and sets inline styles; its pages are for staff."""
    return strict_policy(()).replace(
        "script-src 'self'; style-src 'self'",
        "script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'",
    )


def framing(policy: str) -> str:
    """For a page that shows one of our own inside a frame."""
    return f"{policy}; frame-src 'self'"


class ContentSecurityPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.strict = strict_policy(hosted_pages(settings.STRIPE_API_BASE))
        self.admin = admin_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = self.admin if request.path.startswith("/admin/") else self.strict
        response.setdefault("Content-Security-Policy", policy)
        return response
