"""All payments that somebody asks for, as a file of any length.

Rows are read a few thousand at a time, each time by a statement of its own that goes on where the
last one ended. So memory stays flat, no statement is long, and a reader who takes hours, or leaves,
holds neither a connection nor a transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.http import StreamingHttpResponse
from django.utils import timezone

from config.kit.keyset import Place, Sought, look
from config.kit.money import Money
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
READ = tuple(name for name in COLUMNS if name != "amount_decimal")
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


def csv_file(sought: Sought) -> Iterator[bytes]:
    yield as_csv([COLUMNS]).encode()
    for payments in chunks(sought):
        yield as_csv(cells(payment) for payment in payments).encode()


def json_file(sought: Sought) -> Iterator[bytes]:
    """An array; it has no end where the export broke off."""
    lead = "[\n"
    for payments in chunks(sought):
        rows = ",\n".join(json.dumps(fields(each), ensure_ascii=False) for each in payments)
        if rows:
            yield (lead + rows).encode()
            lead = ",\n"
    yield b"[]\n" if lead == "[\n" else b"\n]\n"


def chunks(sought: Sought) -> Iterator[list[Any]]:
    """Rows with what is written of them, as no more is read."""
    wanted = sought.wanted.values_list(*READ, named=True)
    sought = replace(sought, wanted=wanted)
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


def fields(payment: Any) -> dict[str, Any]:
    return dict(zip(COLUMNS, cells(payment), strict=True))


def cells(payment: Any) -> tuple[str | int | None, ...]:
    return (
        str(payment.id),
        moment(payment.created_at),
        moment(payment.paid_at),
        payment.status,
        payment.amount,
        payment.currency,
        Money(payment.amount, payment.currency).decimal,
        payment.provider,
        payment.provider_id,
        payment.invoice_id,
        payment.tier,
        payment.description,
        payment.method,
        payment.failure_code,
        payment.failure_message,
    )


def moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
