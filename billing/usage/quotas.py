"""The quotas in force, as the plans' side tells them; nothing here looks at plans or payments."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection, transaction

from billing.usage.models import Allowance, QuotaSet
from billing.usage.periods import Period, period_of
from config.kit.errors import AppError

# One statement: the few sets, and after them what each person was told.
TERMS = """
SELECT NULL::bigint, tier, limits, soft, is_default, NULL::timestamptz, NULL::timestamptz, NULL
FROM usage_quotaset
UNION ALL
SELECT user_id, tier, NULL, NULL, NULL, expires_at, anchor, overrides
FROM usage_allowance WHERE user_id = ANY(%s)
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


# Tier, limits and soft ones as JSON, whether it is the default.
SetRow = tuple[str, str, str, bool]
# Tier, until when, the anchor, exceptions as JSON.
ToldRow = tuple[str, datetime | None, datetime | None, str]
NOTHING: ToldRow = ("", None, None, "{}")


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
    return terms_of_many([user_id], at)[user_id]


def terms_of_many(user_ids: Collection[int], at: datetime) -> dict[int, Terms]:
    """For each of them, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(TERMS, [list(user_ids)])
        rows = cursor.fetchall()
    sets = tuple(row[1:5] for row in rows if row[0] is None)
    told = {row[0]: row[1:2] + row[5:] for row in rows if row[0] is not None}
    return {user_id: _terms(sets, told.get(user_id, NOTHING), at) for user_id in user_ids}


def _terms(sets: tuple[SetRow, ...], told: ToldRow, at: datetime) -> Terms:
    tier, expires_at, anchor, overrides = told
    is_over = expires_at is not None and expires_at <= at
    terms = _usual(sets, "" if is_over else tier, anchor)
    if overrides == "{}":
        return terms
    overridden = _overridden(json.loads(overrides), terms.quotas, at)
    return replace(terms, quotas={**terms.quotas, **overridden})


@lru_cache(maxsize=4096)
def _usual(sets: tuple[SetRow, ...], told: str, anchor: datetime | None) -> Terms:
    """The same few come with every request."""
    known: set[str] = set()
    quotas: dict[str, Quota] = {}
    for tier, limits_text, soft_text, is_default in sets:
        limits = json.loads(limits_text)
        known |= limits.keys()
        if tier == told if told else is_default:
            soft = json.loads(soft_text)
            quotas = {name: Quota(limit, name in soft) for name, limit in limits.items()}
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
