"""Look-ups that every request waits for. Django words each once, so that what is found is said in
one place; but only once, as wording takes longer than asking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import QuerySet


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
        wording, given = self.statement
        with connection.cursor() as cursor:
            cursor.execute(wording, [actual.get(each, each) for each in given])
            row: tuple[Any, ...] | None = cursor.fetchone()
        return row
