"""Many events at once: each is judged by itself, in the order given, as if it came alone."""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.usage import counters, quotas
from billing.usage.metering import EventIdReused, QuotaExceeded, Usage, judge
from billing.usage.models import Counter, UsageEvent
from billing.usage.periods import Period
from billing.usage.quotas import Quota
from config.kit.errors import AppError

TRIES = 3


@dataclass(frozen=True, slots=True, order=True)
class Rejected:
    """The event's place in the list, and why it does not count."""

    index: int
    code: str


@dataclass(slots=True)
class Tally:
    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Judged:
    index: int
    usage: Usage
    quota: Quota
    period: Period

    @property
    def key(self) -> counters.Key:
        return self.usage.usage_type, self.period.start


def meter_batch(user_id: int, told: Iterable[tuple[int, Usage]]) -> Tally:
    events = list(told)
    for _ in range(TRIES - 1):
        try:
            return _meter(user_id, events)
        except IntegrityError:
            # The same event_id was counted as another type in between; now it can be seen.
            continue
    return _meter(user_id, events)


@transaction.atomic
def _meter(user_id: int, events: list[tuple[int, Usage]]) -> Tally:
    now = timezone.now()
    tally, judged = Tally(), []
    terms = quotas.terms_of(user_id, now)
    for index, usage in events:
        try:
            judged.append(Judged(index, usage, *judge(usage, terms, now)))
        except AppError as refusal:
            tally.rejected.append(Rejected(index, refusal.code))
    held = counters.hold(user_id, (each.key for each in judged))
    counted = _count(user_id, judged, held, tally, now)
    Counter.objects.bulk_update({each.key: held[each.key] for each in counted}.values(), ["used"])
    counters.note_thresholds(
        {each.key: (held[each.key], each.quota) for each in counted}.values(), at=now
    )
    days: Sums[tuple[str, date]] = Sums()
    for each in counted:
        days[each.usage.usage_type, (each.usage.at or now).date()] += each.usage.amount
    counters.add_to_days(user_id, days)
    tally.rejected.sort()
    return tally


def _count(
    user_id: int,
    judged: list[Judged],
    held: dict[counters.Key, Counter],
    tally: Tally,
    now: datetime,
) -> list[Judged]:
    """Those that count. Looks at what is known only here, under the locks."""
    ids = {each.usage.event_id for each in judged} - {None}
    known = {
        event.event_id: event
        for event in UsageEvent.objects.filter(user_id=user_id, event_id__in=ids)
    }
    counted, rows = [], []
    for each in judged:
        counter, usage = held[each.key], each.usage
        first = known.get(usage.event_id) if usage.event_id else None
        if first is not None:
            if usage.is_told_by(first):
                tally.duplicates += 1
            else:
                tally.rejected.append(Rejected(each.index, EventIdReused.code))
        elif each.quota.cap is not None and counter.used + usage.amount > each.quota.cap:
            tally.rejected.append(Rejected(each.index, QuotaExceeded.code))
        else:
            counter.used += usage.amount
            known[usage.event_id] = event_of(user_id, each, counter.used, now)
            rows.append(known[usage.event_id])
            counted.append(each)
    # In one order, as other batches may tell of the same ids under counters that we do not hold.
    UsageEvent.objects.bulk_create(sorted(rows, key=lambda row: row.event_id or ""))
    tally.accepted = len(rows)
    return counted


def event_of(user_id: int, judged: Judged, used: int, now: datetime) -> UsageEvent:
    usage = judged.usage
    return UsageEvent(
        user_id=user_id,
        event_id=usage.event_id,
        usage_type=usage.usage_type,
        amount=usage.amount,
        metadata=usage.metadata,
        at=usage.at or now,
        received_at=now,
        period_start=judged.period.start,
        period_end=judged.period.end,
        used=used,
        limit=judged.quota.limit,
    )
