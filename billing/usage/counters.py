"""Changing counters under their locks, for what is more than one event: batches, corrections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from django.db import connection

from billing.usage.metering import marks
from billing.usage.models import Counter, Threshold
from billing.usage.quotas import Quota

Key = tuple[str, datetime]

ADD_TO_DAYS = """
INSERT INTO usage_dailyusage AS d (user_id, usage_type, day, amount)
SELECT %s, * FROM unnest(%s::text[], %s::date[], %s::bigint[])
ON CONFLICT (user_id, usage_type, day) DO UPDATE SET amount = d.amount + EXCLUDED.amount
"""


def hold(user_id: int, keys: Iterable[Key]) -> dict[Key, Counter]:
    """The counters of these types and periods, locked until the transaction ends. All of them, in
    one order, before anything else is written: so no two can wait for each other."""
    wanted = sorted(set(keys))
    fresh = [
        Counter(user_id=user_id, usage_type=name, period_start=start, used=0)
        for name, start in wanted
    ]
    Counter.objects.bulk_create(fresh, ignore_conflicts=True)
    rows = (
        Counter.objects.select_for_update()
        .filter(user_id=user_id, period_start__in={start for _, start in wanted})
        .filter(usage_type__in={name for name, _ in wanted})
        .order_by("usage_type", "period_start")
    )
    return {(row.usage_type, row.period_start): row for row in rows}


def add_to_days(user_id: int, amounts: Mapping[tuple[str, date], int]) -> None:
    rows = sorted((name, day, amount) for (name, day), amount in amounts.items())
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(ADD_TO_DAYS, [user_id, *map(list, zip(*rows, strict=True))])


def note_thresholds(counted: Iterable[tuple[Counter, Quota]], *, at: datetime) -> None:
    """Those that were reached before are left as they are."""
    Threshold.objects.bulk_create(
        [
            Threshold(
                user_id=counter.user_id,
                usage_type=counter.usage_type,
                period_start=counter.period_start,
                percent=percent,
                limit=quota.limit or 0,
                used=counter.used,
                at=at,
            )
            for counter, quota in counted
            for percent, mark in marks(quota).items()
            if counter.used >= mark
        ],
        ignore_conflicts=True,
    )
