"""Somebody's browser, without JavaScript, and what a page says in it."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from sessions_live.models import User


def browser_of(user: User) -> Client:
    """Signed in."""
    browser = Client()
    browser.force_login(user)
    return browser


def text(answer: Any) -> str:
    """A page's words, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())
