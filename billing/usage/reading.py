"""What was used, as its owner and staff see it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from billing.usage import quotas
from billing.usage.metering import Standing
from billing.usage.models import Counter, DailyUsage


def report(user_id: int) -> list[Standing]:
    """Every quota that the person has, in the running period."""
    now = timezone.now()
    terms = quotas.terms_of(user_id, now)
    period = terms.period(now)
    used = dict(
        Counter.objects.filter(user_id=user_id, period_start=period.start).values_list(
            "usage_type", "used"
        )
    )
    return [
        Standing(name, used.get(name, 0), quota.limit, period.start, period.end)
        for name, quota in sorted(terms.quotas.items())
    ]


def standing_of(counter: Counter) -> Standing | None:
    """None where its period is over, or the person has no such quota any more."""
    key = (counter.usage_type, counter.period_start)
    standings = {(each.usage_type, each.period_start): each for each in report(counter.user_id)}
    return standings.get(key)


def history(user_id: int, *, days: int, usage_type: str | None = None) -> list[DailyUsage]:
    """Newest first; days without usage are left out."""
    since = timezone.now().date() - timedelta(days=days - 1)
    rows = DailyUsage.objects.filter(user_id=user_id, day__gte=since)
    if usage_type is not None:
        rows = rows.filter(usage_type=usage_type)
    return list(rows.order_by("-day", "usage_type"))
