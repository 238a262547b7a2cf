"""Telling people that a quota is nearly used or used up; the meters note it, once per period."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from billing import mails
from billing.entitlements import best_plan
from billing.usage import quotas
from billing.usage.models import Threshold
from config.kit.one_by_one import one_by_one

MOST_AT_ONCE = 200


def tell_of_thresholds() -> int:
    """Safe to run at any time and by several at once."""
    waiting = Threshold.objects.filter(mailed_at=None).order_by("id").values_list("pk", flat=True)
    told = 0
    with one_by_one() as apart:
        for key in waiting[:MOST_AT_ONCE]:
            with apart(f"threshold {key}"):
                told += tell_once(key)
    return told


@transaction.atomic
def tell_once(key: int) -> bool:
    waiting = Threshold.objects.filter(pk=key, mailed_at=None).select_related("user")
    threshold = waiting.select_for_update(of=("self",), skip_locked=True).first()
    if threshold is None:
        return False
    tell_of(threshold)
    threshold.mailed_at = timezone.now()
    threshold.save(update_fields=["mailed_at"])
    return True


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
