"""Doors for credentials that may not do everything their owner may, such as API keys.

A door says what it asks for: `scopes = {"GET": "billing:read"}`. One that says nothing is closed to
them. Whoever checks such a credential asks here at once, so that no door can forget to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from config.kit.errors import AppError


class ScopeMissing(AppError):
    code = "scope_missing"
    status = 403


def scope_of(door: Any, method: str) -> str | None:
    """What a door asks for; None where it is closed."""
    asked: Mapping[str, str] = getattr(door, "scopes", {})
    return asked.get("GET" if method == "HEAD" else method)


def refuse_beyond(held: Collection[str], door: Any, method: str) -> None:
    """Raises ScopeMissing. What nobody can do at a door is the door's own to refuse."""
    if not hasattr(door, method.lower()):
        return
    needed = scope_of(door, method)
    if needed is None:
        raise ScopeMissing("An API key cannot do this; sign in instead.")
    if needed not in held:
        raise ScopeMissing(f"This API key lacks the scope {needed}.")
