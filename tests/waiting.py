"""Waiting for what others do, without sleeping longer than they need."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within: float = 10, every: float = 0.05) -> T:
    """The first answer that is true. The last one is shown when the time is over."""
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {within} s, but {seen!r}"
        time.sleep(every)
