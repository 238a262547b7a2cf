"""What happened to something, in the order of time, for its own page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """`kind` is for programs, `title` and `detail` are for people; `cause` is what brought it
    about: the provider's event, an order, an invoice."""

    at: datetime
    kind: str
    title: str
    detail: str = ""
    cause: str = ""
    tone: str = "neutral"
    # Whether the cause is an event that the inbox may hold.
    event: bool = False
