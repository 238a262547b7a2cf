"""Bearers of many requests looked up together, for a door that answers many at once. What a kind of
credential is to a single request, its authentication class says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Caller:
    user_id: int
    # Where the request is not answered here after all, it was not one of those that are limited.
    give_back: Callable[[], None] = lambda: None


class Bearers(Protocol):
    """One kind of credential. Both answer None for whom the usual door is to refuse."""

    def recognise(self, bearer: str) -> Any | None:
        """What there is to look for; asks nobody."""

    def find(self, recognised: Sequence[Any], scope: str) -> Sequence[Caller | None]:
        """Whose they are, of those that may do what `scope` says now, in their order."""
