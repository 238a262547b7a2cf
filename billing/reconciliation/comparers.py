"""What a comparer is: it looks at one kind of thing on both sides, a page at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, ParamSpec, TypeVar

from django.conf import settings

from billing.models import Customer
from billing.providers.base import Provider, ProviderError
from billing.reconciliation.models import Difference, Run
from config.kit.money import Money

P = ParamSpec("P")
T = TypeVar("T")

TRIES = 3
LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`about` are other ids whose events tell of the object, `made_at` is when it came to be, and
    `heard_at` until when our row has heard of it. `cause` and `evidence` only where the comparer
    knows them by itself."""

    kind: str
    object_id: str
    ours: str
    theirs: str
    customer: str = ""
    about: tuple[str, ...] = ()
    made_at: datetime | None = None
    heard_at: datetime | None = None
    apart: Money | None = None
    cause: str = ""
    evidence: str = ""


@dataclass(slots=True)
class Scope:
    """Which things a run looks at, and how it asks the provider for them."""

    run: Run
    client: Provider
    _next: float = 0.0

    @property
    def since(self) -> datetime | None:
        return self.run.since

    @property
    def customer(self) -> str:
        return self.run.customer

    def ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """No faster than the provider likes, and once more where it has too much to do. Raises
        ProviderError."""
        for number in range(1, TRIES + 1):
            time.sleep(max(self._next - time.monotonic(), 0.0))
            self._next = time.monotonic() + 1 / settings.RECONCILE_CALLS_PER_SECOND
            try:
                return call(*args, **kwargs)
            except ProviderError as error:
                if not error.retry or number == TRIES:
                    raise
                pause = getattr(error, "wait", None) or float(number)
                time.sleep(min(pause, LONGEST_WAIT))
        raise AssertionError("unreachable")


@dataclass(slots=True)
class Look:
    """What a look at a page brought. Of the objects in `looked_at` all that differs is `found`."""

    found: list[Found] = field(default_factory=list)
    looked_at: set[str] = field(default_factory=set)
    # Empty at the end.
    after: str = ""
    # What hindered the look itself.
    trouble: str = ""


class Comparer:
    """`name` is that of its stage in a run. `kinds` are all differences that it can find, and of
    these it leaves to a person those in `for_people`."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    for_people: ClassVar[tuple[str, ...]] = ()

    def look(self, scope: Scope, after: str) -> Look:
        """Network. Safe to repeat: a page at which something differs is looked at twice."""
        raise NotImplementedError

    def read(self, client: Provider, difference: Difference) -> Any:
        """What a repair needs to know, read anew. Network. Raises ProviderError."""
        return None

    def mend(self, difference: Difference, told: Any) -> list[Found]:
        """Does what the rules allow, inside the caller's transaction; what is left then. Raises
        whatever a rule raises."""
        raise NotImplementedError


def owned(provider: str, customer_ids: Iterable[str]) -> set[str]:
    """What was sold by others through the same account is none of our business."""
    known = Customer.objects.filter(provider=provider, provider_id__in=set(customer_ids) - {""})
    return {str(key) for key in known.values_list("provider_id", flat=True)}
