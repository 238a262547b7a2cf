"""Counting what many tell at the same moment: three statements for all of them, and the one that
counts decides as `metering` does for one. What is not plainly to be counted is left to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from billing.usage import quotas
from billing.usage.metering import Standing, Usage, judge, marks
from billing.usage.periods import Period
from billing.usage.quotas import Quota
from config.kit.errors import AppError

# All locks are taken in one order: first the counters, which `held` waits for as it sorts them,
# then the events. A counter whose limit does not leave room for all that is told of it counts none
# of it; an event that somebody else counts meanwhile undoes the whole statement. What is known
# already is looked for row by row, as a join would be planned while the table is small, and kept.
# Nobody waits long for the lock of somebody else's counter: then each is counted by itself.
COUNT = """
WITH patience AS MATERIALIZED (
    SELECT set_config('lock_timeout', '200ms', true)
), told AS MATERIALIZED (
    SELECT t.* FROM patience, json_to_recordset(%(told)s::json) AS t (
        place int, user_id bigint, event_id text, usage_type text, amount bigint, metadata jsonb,
        at timestamptz, period_start timestamptz, period_end timestamptz, "limit" bigint,
        cap bigint, marks json
    )
    WHERE (
        SELECT e.id FROM usage_usageevent e
        WHERE e.user_id = t.user_id AND e.event_id = t.event_id
    ) IS NULL
), fresh AS MATERIALIZED (
    SELECT *, sum(amount) OVER (
        PARTITION BY user_id, usage_type, period_start ORDER BY place
    )::bigint AS upto
    FROM told
), asked AS MATERIALIZED (
    SELECT user_id, usage_type, period_start, sum(amount)::bigint AS amount, min(cap) AS cap
    FROM fresh GROUP BY user_id, usage_type, period_start
), counted AS (
    INSERT INTO usage_counter AS c (user_id, usage_type, period_start, used)
    SELECT user_id, usage_type, period_start, amount FROM asked
    WHERE cap IS NULL OR amount <= cap
    ORDER BY user_id, usage_type, period_start
    ON CONFLICT (user_id, usage_type, period_start) DO UPDATE SET used = c.used + EXCLUDED.used
        WHERE c.used + EXCLUDED.used <= (
            SELECT coalesce(a.cap, 9223372036854775807) FROM asked a
            WHERE a.user_id = c.user_id AND a.usage_type = c.usage_type
                AND a.period_start = c.period_start
        )
    RETURNING user_id, usage_type, period_start, used
), held AS MATERIALIZED (
    SELECT c.user_id, c.usage_type, c.period_start, c.used - a.amount AS before
    FROM counted c JOIN asked a USING (user_id, usage_type, period_start)
    ORDER BY c.user_id, c.usage_type, c.period_start
), stood AS MATERIALIZED (
    SELECT f.*, h.before + f.upto AS used
    FROM fresh f JOIN held h USING (user_id, usage_type, period_start)
    ORDER BY f.user_id, f.event_id
), kept AS (
    INSERT INTO usage_usageevent (
        user_id, event_id, usage_type, amount, metadata, at, received_at,
        period_start, period_end, used, "limit"
    )
    SELECT user_id, event_id, usage_type, amount, metadata, at, %(now)s,
        period_start, period_end, used, "limit"
    FROM stood ORDER BY user_id, event_id
), by_day AS (
    INSERT INTO usage_dailyusage AS d (user_id, usage_type, day, amount)
    SELECT user_id, usage_type, (at AT TIME ZONE 'UTC')::date AS day, sum(amount)
    FROM stood GROUP BY user_id, usage_type, day ORDER BY user_id, usage_type, day
    ON CONFLICT (user_id, usage_type, day) DO UPDATE SET amount = d.amount + EXCLUDED.amount
), crossed AS (
    INSERT INTO usage_threshold (user_id, usage_type, period_start, percent, "limit", used, at)
    SELECT user_id, usage_type, period_start, percent, min("limit"), min(used), %(now)s
    FROM stood, json_to_recordset(marks) AS m (percent smallint, mark bigint)
    WHERE used >= mark
    GROUP BY user_id, usage_type, period_start, percent
    ON CONFLICT DO NOTHING
)
SELECT place, used FROM stood
"""


@dataclass(frozen=True, slots=True)
class Told:
    """Usage that has an event_id, so that telling of it again is safe."""

    user_id: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class Judged:
    place: int
    told: Told
    quota: Quota
    period: Period


def meter_together(told: Sequence[Told | None]) -> list[Standing | None]:
    """The answer to each; None for what was not counted, whatever the reason: tell `meter`. Raises
    DatabaseError, also where all was counted and only that was not heard: then `meter` finds it."""
    answers: list[Standing | None] = [None] * len(told)
    now = timezone.now()
    judged = _judge(told, now)
    if not judged:
        return answers
    with connection.cursor() as cursor:
        rows = json.dumps([_row(each, now) for each in judged])
        cursor.execute(COUNT, {"told": rows, "now": now})
        used = dict(cursor.fetchall())
    for each in judged:
        if each.place in used:
            answers[each.place] = Standing(
                each.told.usage.usage_type,
                used[each.place],
                each.quota.limit,
                each.period.start,
                each.period.end,
            )
    return answers


def _judge(told: Sequence[Told | None], now: datetime) -> list[Judged]:
    """Those whose limits and time allow them; of several with one event_id the first."""
    people = {each.user_id for each in told if each}
    terms = quotas.terms_of_many(people, now) if people else {}
    judged: dict[tuple[int, str | None], Judged] = {}
    for place, each in enumerate(told):
        if each is None or (each.user_id, each.usage.event_id) in judged:
            continue
        try:
            quota, period = judge(each.usage, terms[each.user_id], now)
        except AppError:
            continue
        judged[each.user_id, each.usage.event_id] = Judged(place, each, quota, period)
    return list(judged.values())


def _row(judged: Judged, now: datetime) -> dict[str, Any]:
    usage, quota, period = judged.told.usage, judged.quota, judged.period
    return {
        "place": judged.place,
        "user_id": judged.told.user_id,
        "event_id": usage.event_id,
        "usage_type": usage.usage_type,
        "amount": usage.amount,
        "metadata": usage.metadata,
        "at": (usage.at or now).isoformat(),
        "period_start": period.start.isoformat(),
        "period_end": period.end.isoformat(),
        "limit": quota.limit,
        "cap": quota.cap,
        "marks": [{"percent": percent, "mark": mark} for percent, mark in marks(quota).items()],
    }
