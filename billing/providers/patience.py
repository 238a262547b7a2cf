"""How long we wait for others. A request of ours is answered within ten seconds, however many
calls to a provider it needs and however slowly each of them drips."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

LONGEST = 8.0
_ends_at: ContextVar[float] = ContextVar("patience_ends_at", default=float("inf"))


@contextmanager
def limited(seconds: float = LONGEST) -> Iterator[None]:
    """Never longer than those outside allow."""
    token = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(token)


def left() -> float:
    """Seconds; infinite where nobody waits."""
    return _ends_at.get() - time.monotonic()


class PatienceMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with limited():
            return self.get_response(request)
