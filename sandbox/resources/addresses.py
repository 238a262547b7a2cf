"""Checking what people and programs give as addresses, of mail and of the web."""

import re
from urllib.parse import urlsplit

from sandbox.errors import InvalidRequest

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def check_email(email: str | None, param: str = "email") -> str | None:
    if email and not (_EMAIL.fullmatch(email) and len(email) <= 512):
        raise InvalidRequest(f"Invalid email address: {email}", param, "email_invalid")
    return email


def check_url(url: str, param: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequest("Not a valid URL", param, "url_invalid")
    return url
