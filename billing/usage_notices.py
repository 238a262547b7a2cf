"""Telling people that a quota is nearly used or used up; the meters note it, once per period."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from billing import mails
from billing.entitlements import best_plan
from billing.usage import quotas
from billing.usage.models import Threshold

MOST_AT_ONCE = 200


@transaction.atomic
def tell_of_thresholds() -> int:
    """Safe to run at any time and by several at once."""
    waiting = Threshold.objects.filter(mailed_at=None).select_related("user").order_by("id")
    crossed = list(waiting.select_for_update(of=("self",), skip_locked=True)[:MOST_AT_ONCE])
    for threshold in crossed:
        tell_of(threshold)
    Threshold.objects.filter(pk__in=[each.pk for each in crossed]).update(mailed_at=timezone.now())
    return len(crossed)


def tell_of(threshold: Threshold) -> None:
    now = timezone.now()
    terms = quotas.terms_of(threshold.user_id, now)
    plan = best_plan(threshold.user, now)
    # A type that is not sold any more has no quota left.
    quota = terms.quotas.get(threshold.usage_type)
    ends = terms.period(threshold.period_start).end
    mails.queue(
        user=threshold.user,
        template="usage_threshold",
        key=f"usage_threshold:{threshold.pk}",
        context={
            "plan": plan.name if plan else "",
            "usage_type": threshold.usage_type,
            "percent": threshold.percent,
            "used": threshold.used,
            "limit": threshold.limit,
            "soft": quota is not None and quota.soft,
            "period_end": ends,
        },
        # Events that come late may reach a quota of a period that is over.
        good_until=ends,
    )
