"""Counting what was used, once and never beyond a hard limit. One statement decides."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.usage import quotas
from billing.usage.models import UsageEvent
from billing.usage.periods import Period
from billing.usage.quotas import Quota, Terms
from config.kit.errors import AppError

# As Stripe's meter events have it.
OLDEST, EARLIEST = timedelta(days=35), timedelta(minutes=5)
THRESHOLDS = (80, 100)

# The counter's row is locked by its own update and until the commit, which comes at once: no
# round trip of ours lies between. Where the counter takes nothing, nothing is written at all; where
# the event is there already, its unique index undoes the whole statement.
COUNT = """
WITH counted AS (
    INSERT INTO usage_counter AS c (user_id, usage_type, period_start, used)
    SELECT %(user)s, %(type)s, %(start)s, %(amount)s
    WHERE (%(cap)s::bigint IS NULL OR %(amount)s <= %(cap)s)
        AND NOT EXISTS (
            SELECT FROM usage_usageevent WHERE user_id = %(user)s AND event_id = %(event_id)s
        )
    ON CONFLICT (user_id, usage_type, period_start) DO UPDATE SET used = c.used + EXCLUDED.used
        WHERE %(cap)s::bigint IS NULL OR c.used + EXCLUDED.used <= %(cap)s
    RETURNING used
), kept AS (
    INSERT INTO usage_usageevent (
        user_id, event_id, usage_type, amount, metadata, at, received_at,
        period_start, period_end, used, "limit"
    )
    SELECT %(user)s, %(event_id)s, %(type)s, %(amount)s, %(metadata)s, %(at)s, %(now)s,
        %(start)s, %(end)s, used, %(limit)s
    FROM counted
), by_day AS (
    INSERT INTO usage_dailyusage AS d (user_id, usage_type, day, amount)
    SELECT %(user)s, %(type)s, %(day)s, %(amount)s FROM counted
    ON CONFLICT (user_id, usage_type, day) DO UPDATE SET amount = d.amount + EXCLUDED.amount
), crossed AS (
    INSERT INTO usage_threshold (user_id, usage_type, period_start, percent, "limit", used, at)
    SELECT %(user)s, %(type)s, %(start)s, percent, %(limit)s, used, %(now)s
    FROM counted, unnest(%(percents)s::smallint[], %(marks)s::bigint[]) AS t (percent, mark)
    WHERE used >= mark
    ON CONFLICT DO NOTHING
)
SELECT used FROM counted
"""


class QuotaExceeded(AppError):
    code = "quota_exceeded"
    status = 402

    @classmethod
    def of(cls, usage: Usage, quota: Quota, period: Period) -> QuotaExceeded:
        return cls(
            f"Your plan allows {quota.limit or 0:,} of {usage.usage_type} until"
            f" {period.end:%Y-%m-%dT%H:%M:%SZ}, and this would pass it; nothing was counted."
        )


class EventIdReused(AppError):
    code = "event_id_reused"
    status = 422
    detail = "This event_id was used for something else."


class TimestampOutOfRange(AppError):
    code = "timestamp_out_of_range"
    detail = "Events may be 35 days old at most, and 5 minutes ahead of our clock."


@dataclass(frozen=True, slots=True)
class Usage:
    """What a caller says was used. `at` is None for now."""

    usage_type: str
    amount: int = 1
    event_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None

    def is_told_by(self, event: UsageEvent) -> bool:
        told = Usage(
            event.usage_type, event.amount, event.event_id, event.metadata, at=self.at and event.at
        )
        return told == self


@dataclass(frozen=True, slots=True)
class Standing:
    """A counter as its owner sees it."""

    usage_type: str
    used: int
    limit: int | None
    period_start: datetime
    period_end: datetime

    @property
    def remaining(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.used)

    @property
    def over(self) -> int:
        """Beyond a soft limit, or one that was lowered."""
        return 0 if self.limit is None else max(0, self.used - self.limit)

    @property
    def high(self) -> int:
        """Where it gets near."""
        return (self.limit or 0) * THRESHOLDS[0] // 100


def meter(user_id: int, usage: Usage) -> Standing:
    """The same event_id gives the same answer and counts once. Raises UnknownUsageType,
    QuotaExceeded, EventIdReused, TimestampOutOfRange."""
    now = timezone.now()
    terms = quotas.terms_of(user_id, now)
    quota, period = judge(usage, terms, now)
    used = _count(user_id, usage, quota, period, now)
    if used is not None:
        return Standing(usage.usage_type, used, quota.limit, period.start, period.end)
    known = find_event(user_id, usage.event_id)
    if known is None:
        raise QuotaExceeded.of(usage, quota, period)
    if not usage.is_told_by(known):
        raise EventIdReused(attr="event_id")
    return standing_of(known)


def judge(usage: Usage, terms: Terms, now: datetime) -> tuple[Quota, Period]:
    """Raises UnknownUsageType, TimestampOutOfRange."""
    quota, at = terms.quota(usage.usage_type), usage.at or now
    if not now - OLDEST <= at <= now + EARLIEST:
        raise TimestampOutOfRange(attr="timestamp")
    return quota, terms.period(at)


def marks(quota: Quota) -> dict[int, int]:
    """How much has to be used for each threshold; a limit so small that two fall together has the
    higher one alone. Of nothing there is no part."""
    if not quota.limit:
        return {}
    by_mark = {-(-quota.limit * percent // 100): percent for percent in THRESHOLDS}
    return {percent: mark for mark, percent in by_mark.items()}


def find_event(user_id: int, event_id: str | None) -> UsageEvent | None:
    if event_id is None:
        return None
    return UsageEvent.objects.filter(user_id=user_id, event_id=event_id).first()


def standing_of(event: UsageEvent) -> Standing:
    return Standing(event.usage_type, event.used, event.limit, event.period_start, event.period_end)


def _count(user_id: int, usage: Usage, quota: Quota, period: Period, now: datetime) -> int | None:
    """What is used now; None where nothing was counted."""
    at, percents = usage.at or now, marks(quota)
    terms = {
        "user": user_id,
        "event_id": usage.event_id,
        "type": usage.usage_type,
        "amount": usage.amount,
        "metadata": json.dumps(usage.metadata),
        "at": at,
        "now": now,
        "day": at.date(),
        "start": period.start,
        "end": period.end,
        "limit": quota.limit,
        "cap": quota.cap,
        "percents": list(percents),
        "marks": list(percents.values()),
    }
    guard = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with guard, connection.cursor() as cursor:
            cursor.execute(COUNT, terms)
            row = cursor.fetchone()
    except IntegrityError:
        # Somebody counted the same event in between.
        return None
    return row[0] if row else None
