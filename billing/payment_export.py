"""All payments that somebody asks for, as a file of any length.

Rows are read a few thousand at a time, each time by a statement of its own that goes on where the
last one ended. So memory stays flat, no statement is long, and a reader who takes hours, or leaves,
holds neither a connection nor a transaction. Ids and moments come as text: to make objects of them,
only to write them down, took longer than all the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Func, TextField
from django.db.models.functions import Cast
from django.http import StreamingHttpResponse
from django.utils import timezone

from config.kit.keyset import Place, Sought, look
from config.kit.money import in_decimals
from config.kit.sheets import as_csv

AT_ONCE = 2_000
COLUMNS = (
    "id",
    "created_at",
    "paid_at",
    "status",
    "amount",
    "currency",
    "amount_decimal",
    "provider",
    "provider_id",
    "invoice_id",
    "tier",
    "description",
    "method",
    "failure_code",
    "failure_message",
)
KINDS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def download(sought: Sought, format: str) -> StreamingHttpResponse:
    write: Callable[[Sought], Iterator[bytes]] = {"csv": csv_file, "json": json_file}[format]
    name = f"payments-{timezone.now():%Y-%m-%d}.{format}"
    return StreamingHttpResponse(
        write(sought),
        content_type=KINDS[format],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            # A proxy that gathers the whole answer first would undo the streaming.
            "X-Accel-Buffering": "no",
        },
    )


class Moment(Func):
    """In UTC, as `datetime.isoformat` writes it with microseconds."""

    output_field = TextField()
    template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


WRITTEN = {
    "id": Cast("id", TextField()),
    "created_at": Moment("created_at"),
    "paid_at": Moment("paid_at"),
}
READ = tuple(WRITTEN.get(name, name) for name in COLUMNS if name != "amount_decimal")
Row = tuple[Any, ...]


def csv_file(sought: Sought) -> Iterator[bytes]:
    yield as_csv([COLUMNS]).encode()
    for rows in chunks(sought):
        yield as_csv([cells(*row) for row in rows]).encode()


def json_file(sought: Sought) -> Iterator[bytes]:
    """An array; it has no end where the export broke off."""
    lead = "[\n"
    for rows in chunks(sought):
        lines = ",\n".join(json.dumps(fields(row), ensure_ascii=False) for row in rows)
        if lines:
            yield (lead + lines).encode()
            lead = ",\n"
    yield b"[]\n" if lead == "[\n" else b"\n]\n"


def chunks(sought: Sought) -> Iterator[list[Row]]:
    """Rows with what is written of them, as no more is read."""
    sought = replace(sought, wanted=sought.wanted.values_list(*READ), place_of=place_of)
    place: Place | None = None
    while True:
        found = look(sought, place, limit=AT_ONCE)
        # Back to the pool while the reader reads; the next statement may get another one.
        if not connection.in_atomic_block:
            connection.close()
        yield found.rows
        place = found.place
        if place is None:
            return


def place_of(row: Row) -> Place:
    return Place(datetime.fromisoformat(row[1]), UUID(row[0]))


def fields(row: Row) -> dict[str, Any]:
    return dict(zip(COLUMNS, cells(*row), strict=True))


def cells(
    id: str,
    created_at: str,
    paid_at: str | None,
    status: str,
    amount: int,
    currency: str,
    *rest: str,
) -> tuple[str | int | None, ...]:
    return (
        id,
        moment(created_at),
        moment(paid_at),
        status,
        amount,
        currency,
        in_decimals(amount, currency),
        *rest,
    )


def moment(written: str | None) -> str | None:
    """Whole seconds without a fraction."""
    return written and written.replace(".000000Z", "Z")
