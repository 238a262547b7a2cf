"""How each kind of operation is called, and how one finds out whether it happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from billing.operations.models import Operation
from billing.providers.facts import Fact


@dataclass(frozen=True, slots=True)
class Done:
    """`provider_id` is what the provider made or changed. The facts are settled ones, and take
    effect in the transaction that ends the operation."""

    provider_id: str
    facts: tuple[Fact, ...] = ()


class Carrier(Protocol):
    def call(self, operation: Operation) -> Done:
        """Network, with the operation's id as key. Raises ProviderError."""

    def look_up(self, operation: Operation) -> Done | None:
        """Network: None where the provider knows of nothing. Raises ProviderError."""


C = TypeVar("C", bound=Callable[[], Carrier])
_carriers: dict[str, Carrier] = {}


def carries_out(kind: str) -> Callable[[C], C]:
    def register(carrier: C) -> C:
        if kind in _carriers:
            raise RuntimeError(f"{kind} is carried out by {_carriers[kind]} already")
        _carriers[kind] = carrier()
        return carrier

    return register


def carrier_of(kind: str) -> Carrier:
    return _carriers[kind]
