from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers.base import ProviderDown, ProviderError, ProviderRefused


@carries_out("test.make")
class Scripted:
    """Does what it is told next. `made` is what the provider then has."""

    def __init__(self) -> None:
        self.begin()

    def begin(self, *script: Any) -> None:
        self.script = list(script)
        self.calls: list[str] = []
        self.look_ups = 0
        self.made: list[str] = []

    def call(self, operation: Operation) -> Done:
        self.calls.append(str(operation.pk))
        step = self.script.pop(0) if self.script else "answer"
        if callable(step):
            step = step(operation)
        if isinstance(step, Exception):
            raise step
        if str(operation.pk) not in self.made:
            self.made.append(str(operation.pk))
        if step == "lose":
            raise ProviderError()
        return Done("thing_1")

    def look_up(self, operation: Operation) -> Done | None:
        self.look_ups += 1
        return Done("thing_1") if str(operation.pk) in self.made else None


REFUSAL = ProviderRefused("Your card was declined.", words="do_not_honor")
DOWN = ProviderDown(wait=5)
LOST = "lose"
FAILS = ProviderError()


@pytest.fixture
def provider(transactional_db: None) -> Scripted:
    from billing.operations.registry import carrier_of

    scripted = carrier_of("test.make")
    assert isinstance(scripted, Scripted)
    scripted.begin()
    return scripted


def ask(subject: str = "thing:1", **changes: Any) -> Operation:
    wishes = {"amount": 100, **changes.pop("wishes", {})}
    with transaction.atomic():
        return outgoing.request(
            **{"kind": "test.make", "provider": "stripe", "subject": subject, "user": None}
            | {"wishes": wishes}
            | changes
        )


def let_pass(operation: Operation, **time: float) -> None:
    """As if it had been asked for so much earlier."""
    earlier = timedelta(**time)
    Operation.objects.filter(pk=operation.pk).update(
        created_at=operation.created_at - earlier, due_at=timezone.now() - timedelta(seconds=1)
    )


def in_a_thread(work: Any) -> Any:
    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return run
