from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.usage.periods import months_after, period_of

instants = st.integers(
    int(datetime(2015, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2036, 1, 1, tzinfo=UTC).timestamp()),
).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(anchor=instants, at=instants)
def test_every_moment_lies_in_exactly_one_period(anchor: datetime, at: datetime):
    period = period_of(anchor, at)
    assert period.start <= at < period.end
    assert timedelta(days=28) <= period.end - period.start <= timedelta(days=31)


@given(anchor=instants, at=instants)
def test_periods_follow_each_other_without_a_gap(anchor: datetime, at: datetime):
    period = period_of(anchor, at)
    assert period_of(anchor, period.end).start == period.end
    assert period_of(anchor, period.start - timedelta(microseconds=1)).end == period.start


@given(anchor=instants, months=st.integers(-200, 200))
def test_a_period_begins_on_the_anchors_day_or_the_last_of_the_month(anchor: datetime, months: int):
    start = months_after(anchor, months)
    assert period_of(anchor, start).start == start
    assert start.time() == anchor.time()
    is_last = (start + timedelta(days=1)).month != start.month
    assert start.day == anchor.day or (is_last and start.day < anchor.day)


@given(anchor=instants)
def test_the_anchor_begins_a_period(anchor: datetime):
    assert period_of(anchor, anchor).start == anchor


@pytest.mark.parametrize(
    ("anchor", "at", "start", "end"),
    [
        ("2026-01-31", "2026-02-27", "2026-01-31", "2026-02-28"),
        ("2026-01-31", "2026-02-28", "2026-02-28", "2026-03-31"),
        ("2026-01-31", "2026-03-30", "2026-02-28", "2026-03-31"),
        ("2027-12-31", "2028-02-29", "2028-02-29", "2028-03-31"),
        ("2024-02-29", "2025-02-28", "2025-02-28", "2025-03-29"),
        ("2026-12-15", "2026-12-14", "2026-11-15", "2026-12-15"),
        ("2026-12-15", "2027-01-14", "2026-12-15", "2027-01-15"),
    ],
)
def test_months_end_and_leap_years_come(anchor: str, at: str, start: str, end: str):
    period = period_of(day(anchor), day(at))
    assert (period.start, period.end) == (day(start), day(end))


def test_without_an_anchor_months_are_those_of_the_calendar():
    period = period_of(None, day("2026-11-21"))
    assert (period.start, period.end) == (day("2026-11-01"), day("2026-12-01"))


def test_an_anchor_of_another_time_zone_is_the_same_instant():
    anchor = datetime.fromisoformat("2026-01-01T01:00:00+02:00")
    assert period_of(anchor, day("2026-03-15")).start == datetime(2026, 2, 28, 23, tzinfo=UTC)
