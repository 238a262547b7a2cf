"""Look-ups that every request waits for. Django words each once, so that what is found is said in
one place; but only once, as wording takes longer than asking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL


def any_of(kind: str, stand_in: Sequence[Any]) -> RawSQL:
    """For `__in`: what stands there is one value, a list of any length."""
    return RawSQL(f"SELECT unnest(%s::{kind}[])", [stand_in])  # noqa: S611 (`kind` is ours)


class Lookup:
    """`rows` gives a `values_list()` that was made with stand-ins; each look-up puts its own values
    in their place. One statement."""

    def __init__(self, rows: Callable[[], QuerySet[Any, Any]]) -> None:
        self.rows = rows

    @cached_property
    def statement(self) -> tuple[str, tuple[Any, ...]]:
        wording, given = self.rows().query.sql_with_params()
        return wording, tuple(given)

    def first(self, actual: Mapping[Any, Any]) -> tuple[Any, ...] | None:
        """`actual` is what stands for each stand-in now."""
        return next(iter(self.all(actual)), None)

    def all(self, actual: Mapping[Any, Any]) -> list[tuple[Any, ...]]:
        wording, given = self.statement
        with connection.cursor() as cursor:
            cursor.execute(wording, [actual.get(each, each) for each in given])
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
