"""Money that went back, as a payment's own page tells it. The app above that gives money back
knows, and says so here when it starts; without it, nothing has gone back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from billing.happenings import Happening
from billing.models import Payment


class Returns(Protocol):
    def refunds_of(self, payment: Payment) -> Sequence[dict[str, Any]]: ...

    def dispute_of(self, payment: Payment) -> dict[str, Any] | None: ...

    def happenings_of(self, payment: Payment) -> Sequence[Happening]: ...


class NothingBack:
    def refunds_of(self, payment: Payment) -> Sequence[dict[str, Any]]:
        return ()

    def dispute_of(self, payment: Payment) -> dict[str, Any] | None:
        return None

    def happenings_of(self, payment: Payment) -> Sequence[Happening]:
        return ()


_teller: Returns = NothingBack()


def told_by(teller: Returns) -> None:
    """Once, when the process starts."""
    global _teller  # noqa: PLW0603
    if not isinstance(_teller, NothingBack):
        raise RuntimeError(f"{_teller!r} tells of returns already")
    _teller = teller


def teller() -> Returns:
    return _teller
