"""The quotas in force, as the plans' side tells them; nothing here looks at plans or payments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from billing.usage.models import Allowance, QuotaSet
from billing.usage.periods import Period, period_of
from config.kit.errors import AppError

# One statement: the few sets, each beside what the person was told.
TERMS = """
SELECT s.tier, s.limits, s.soft, s.is_default, a.tier, a.expires_at, a.anchor, a.overrides
FROM usage_quotaset s LEFT JOIN usage_allowance a ON a.user_id = %s
"""

# Adding months takes the last day of shorter ones, as our periods do.
ALLOW = """
INSERT INTO usage_allowance AS a (user_id, tier, expires_at, anchor, overrides)
VALUES (%s, %s, %s, %s, '{}')
ON CONFLICT (user_id) DO UPDATE SET
    tier = EXCLUDED.tier,
    expires_at = EXCLUDED.expires_at,
    anchor = CASE
        WHEN EXCLUDED.anchor IS NULL THEN a.anchor
        WHEN EXCLUDED.anchor AT TIME ZONE 'UTC' = a.anchor AT TIME ZONE 'UTC' + make_interval(
            years => (date_part('year', EXCLUDED.anchor AT TIME ZONE 'UTC')
                - date_part('year', a.anchor AT TIME ZONE 'UTC'))::int,
            months => (date_part('month', EXCLUDED.anchor AT TIME ZONE 'UTC')
                - date_part('month', a.anchor AT TIME ZONE 'UTC'))::int
        ) THEN a.anchor
        ELSE EXCLUDED.anchor
    END
"""


class UnknownUsageType(AppError):
    code = "unknown_usage_type"

    def __init__(self, known: Iterable[str]) -> None:
        names = ", ".join(sorted(known)) or "none"
        super().__init__(f"There is no such usage type; known are: {names}.", attr="usage_type")


@dataclass(frozen=True, slots=True)
class Quota:
    """`limit` is None where there is none; a soft one is counted on beyond."""

    limit: int | None
    soft: bool = False

    @property
    def cap(self) -> int | None:
        """What may not be passed."""
        return None if self.soft else self.limit


@dataclass(frozen=True, slots=True)
class Terms:
    """What counts for one person at one moment."""

    quotas: Mapping[str, Quota]
    known: frozenset[str]
    anchor: datetime | None

    def quota(self, usage_type: str) -> Quota:
        """A plan that says nothing of a type allows none of it. Raises UnknownUsageType."""
        if usage_type not in self.known:
            raise UnknownUsageType(self.known)
        return self.quotas.get(usage_type, Quota(0))

    def period(self, at: datetime) -> Period:
        return period_of(self.anchor, at)


def terms_of(user_id: int, at: datetime) -> Terms:
    with connection.cursor() as cursor:
        cursor.execute(TERMS, [user_id])
        rows = cursor.fetchall()
    if not rows:
        return Terms({}, frozenset(), None)
    told, expires_at, anchor, overrides = rows[0][4:]
    is_over = not told or (expires_at is not None and expires_at <= at)
    known: set[str] = set()
    quotas: dict[str, Quota] = {}
    for tier, limits_text, soft_text, is_default, *_ in rows:
        limits = json.loads(limits_text)
        known |= limits.keys()
        if is_default if is_over else tier == told:
            soft = json.loads(soft_text)
            quotas = {name: Quota(limit, name in soft) for name, limit in limits.items()}
    quotas |= _overridden(json.loads(overrides or "{}"), quotas, at)
    return Terms(quotas, frozenset(known), anchor)


def _overridden(
    overrides: Mapping[str, Any], quotas: Mapping[str, Quota], at: datetime
) -> dict[str, Quota]:
    soft = {name for name, quota in quotas.items() if quota.soft}
    return {
        name: Quota(told["limit"], name in soft)
        for name, told in overrides.items()
        if not told["until"] or at < datetime.fromisoformat(told["until"])
    }


def known_types() -> list[str]:
    return sorted({name for limits in QuotaSet.objects.values_list("limits") for name in limits[0]})


@transaction.atomic
def publish(sets: Iterable[QuotaSet]) -> None:
    """What each tier allows from now on, for everybody who has it."""
    told = list(sets)
    QuotaSet.objects.update(is_default=False)
    QuotaSet.objects.bulk_create(
        told,
        update_conflicts=True,
        unique_fields=["tier"],
        update_fields=["limits", "soft", "is_default"],
    )
    QuotaSet.objects.exclude(tier__in=[each.tier for each in told]).delete()


def allow(user_id: int, *, tier: str, anchor: datetime | None, expires_at: datetime | None) -> None:
    """Tells which tier's quotas count for a person from now on; an empty one is the default.

    Whoever loses a plan keeps their periods, and with them what they have used. A renewal that
    falls on a period's beginning keeps the anchor: the 31st is not forgotten in February.
    """
    with connection.cursor() as cursor:
        cursor.execute(ALLOW, [user_id, tier, expires_at, anchor])


def hold(user_id: int) -> Allowance:
    """The person's row, locked until the transaction ends: of two who tell of exceptions at the
    same time, the second one looks at the world after the first."""
    Allowance.objects.bulk_create([Allowance(user_id=user_id)], ignore_conflicts=True)
    return Allowance.objects.select_for_update().get(user_id=user_id)


def override(held: Allowance, overrides: Mapping[str, tuple[int | None, datetime | None]]) -> None:
    """Tells all exceptions of a person: usage type → limit, and until when."""
    held.overrides = {
        name: {"limit": limit, "until": until.isoformat() if until else None}
        for name, (limit, until) in overrides.items()
    }
    held.save(update_fields=["overrides"])
