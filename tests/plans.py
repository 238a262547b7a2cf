"""What statements read of their tables, told by PostgreSQL and not by a clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext


class Reads:
    """Rows by table, those included that were read and left out."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def of(self, table: str) -> int:
        return self.rows.get(table, 0)

    @property
    def most(self) -> int:
        return max(self.rows.values(), default=0)


@contextmanager
def reading() -> Iterator[Reads]:
    """Asks for the plan of each SELECT inside, once it is over."""
    reads = Reads()
    with CaptureQueriesContext(connection) as asked:
        yield reads
    for each in asked:
        if each["sql"].startswith("SELECT"):
            for table, rows in scanned(plan_of(each["sql"])):
                reads.rows[table] = reads.of(table) + rows


def plan_of(sql: str) -> dict[str, Any]:
    with transaction.atomic(), connection.cursor() as cursor:
        # As for a table of which nobody would read the whole, or a tenth at once.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        told: Any = cursor.fetchone()[0]
    plans = json.loads(told) if isinstance(told, str) else told
    plan: dict[str, Any] = plans[0]["Plan"]
    return plan


def scanned(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    if table := node.get("Relation Name"):
        left_out = node.get("Rows Removed by Filter", 0)
        yield table, round((node["Actual Rows"] + left_out) * node["Actual Loops"])
    for below in node.get("Plans", []):
        yield from scanned(below)


@contextmanager
def filled(*tables: str) -> Iterator[None]:
    """Without the triggers that rows have by themselves, and with statistics of what is there."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
            cursor.execute(f"ANALYZE {table}")


def multiply(row: Model, count: int, **changes: str) -> None:
    """Very many like this one, but for what is said in SQL of each, which is the nth."""
    table = row._meta.db_table
    pairs = ", ".join(f"'{column}', {words}" for column, words in changes.items())
    with filled(table), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} SELECT made.*"
            f" FROM {table} AS this_one, generate_series(1, {count}) AS n,"
            f" jsonb_populate_record(this_one, jsonb_build_object({pairs})) AS made"
            f" WHERE this_one.id = '{row.pk}'"
        )
