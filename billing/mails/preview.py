"""A mail as its reader sees it, inside a frame: nothing in it runs, loads or is sent anywhere."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.mails.composing import render
from billing.mails.models import Mail

# Its links open beside it; that is all it may do.
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    f"frame-ancestors 'self'; sandbox {SANDBOX}"
)


def body_of(mail: Mail) -> HttpResponse:
    """As the templates are now; what was forgotten is not made up."""
    html = render(mail.template, mail.context).html if mail.context else "No longer kept."
    response = HttpResponse(html)
    response["Content-Security-Policy"] = POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cache-Control"] = "no-store"
    return response


def frame(address: str) -> SafeString:
    return format_html(
        '<iframe class="mail" title="The mail" sandbox="{}" src="{}"></iframe>', SANDBOX, address
    )
