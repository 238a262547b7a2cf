"""EMAIL_URL: by SMTP, to the log, or through a mail service that Anymail knows."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import dj_email_url

# Scheme → the settings that the URL's user and password are for.
SERVICES = {
    "brevo": ("API_KEY",),
    "mailersend": ("API_TOKEN",),
    "mailgun": ("API_KEY",),
    "mailjet": ("API_KEY", "SECRET_KEY"),
    "mailtrap": ("API_TOKEN",),
    "mandrill": ("API_KEY",),
    "postmark": ("SERVER_TOKEN",),
    "resend": ("API_KEY",),
    "sparkpost": ("API_KEY",),
}
# A service that hangs must not hold the thread that sends.
PATIENCE = 10


def mail_settings(url: str) -> dict[str, Any]:
    """Django's settings. Raises ValueError or KeyError where the URL cannot be used.

    `mailgun://KEY@mg.example.com?api_url=https://api.eu.mailgun.net/v3`: the host is the domain
    that Mailgun sends for, and what follows the question mark are further settings of Anymail's.
    """
    parts = urlsplit(url)
    if parts.scheme not in SERVICES:
        return by_smtp_or_log(url)
    names = SERVICES[parts.scheme]
    given = [unquote(value or "") for value in (parts.username, parts.password)][: len(names)]
    if not all(given):
        raise ValueError(f"{parts.scheme}:// needs a key before the @")
    service = dict(zip(names, given, strict=True))
    if parts.scheme == "mailgun" and parts.hostname:
        service["SENDER_DOMAIN"] = parts.hostname
    service |= {name.upper(): value for name, value in parse_qsl(parts.query)}
    prefix = parts.scheme.upper()
    return {
        "EMAIL_BACKEND": f"anymail.backends.{parts.scheme}.EmailBackend",
        "ANYMAIL": {
            "REQUESTS_TIMEOUT": PATIENCE,
            **{f"{prefix}_{name}": value for name, value in service.items()},
        },
    }


def by_smtp_or_log(url: str) -> dict[str, Any]:
    told = dj_email_url.parse(url)
    return {
        "EMAIL_BACKEND": told["EMAIL_BACKEND"],
        "EMAIL_FILE_PATH": told["EMAIL_FILE_PATH"] or None,
        "EMAIL_HOST": told["EMAIL_HOST"] or "",
        "EMAIL_PORT": told["EMAIL_PORT"] or 25,
        "EMAIL_HOST_USER": told["EMAIL_HOST_USER"] or "",
        "EMAIL_HOST_PASSWORD": told["EMAIL_HOST_PASSWORD"] or "",
        "EMAIL_USE_TLS": told["EMAIL_USE_TLS"],
        "EMAIL_USE_SSL": told["EMAIL_USE_SSL"],
    }
