"""Which function acts on which fact: exactly one, so there is never a question of order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from billing.providers.facts import Fact

F = TypeVar("F", bound=Callable[..., None])
_handlers: dict[type[Fact], Callable[[Any], None]] = {}


class NotOurs(Exception):
    """The fact is about something that this platform did not sell. Kept, and left alone."""


class Unclear(Exception):
    """The fact alone cannot tell what is so now; the provider has to be asked first."""

    def __init__(self, fact: Fact) -> None:
        super().__init__(type(fact).__name__)
        self.fact = fact


def handles(*kinds: type[Fact]) -> Callable[[F], F]:
    def register(function: F) -> F:
        for kind in kinds:
            if kind in _handlers:
                raise RuntimeError(f"{kind.__name__} is handled by {_handlers[kind]} already")
            _handlers[kind] = function
        return function

    return register


def dispatch(fact: Fact) -> None:
    """Raises NotOurs, Unclear, or whatever the rule raises. Runs in the caller's transaction."""
    _handlers[type(fact)](fact)
