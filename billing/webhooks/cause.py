"""Which event is taking effect, for rows that tell where they come from."""

from __future__ import annotations

from contextvars import ContextVar

# The provider's id of the event; empty where nothing but our own question brought the news.
current: ContextVar[str] = ContextVar("cause", default="")
