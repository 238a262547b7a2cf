"""When a month of usage begins and ends: on the day of the month that the plan began on, or on the
last one of shorter months. Periods are `[start, end)` and have no gaps."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime

CALENDAR_MONTHS = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    start: datetime
    end: datetime


def period_of(anchor: datetime | None, at: datetime) -> Period:
    anchor, at = (anchor or CALENDAR_MONTHS).astimezone(UTC), at.astimezone(UTC)
    months = (at.year - anchor.year) * 12 + at.month - anchor.month
    if months_after(anchor, months) > at:
        months -= 1
    return Period(months_after(anchor, months), months_after(anchor, months + 1))


def months_after(anchor: datetime, months: int) -> datetime:
    """Always counted from the anchor, so that the 31st comes back after a February."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, last))
