"""Putting a counter right by hand. Events stay as they were counted; the correction is a row."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from billing.usage import counters, quotas
from billing.usage.models import Correction, Counter
from config.kit.errors import AppError
from config.kit.states import StaleState
from sessions_live.models import User


class BelowZero(AppError):
    code = "below_zero"
    status = 409
    detail = "Less than nothing cannot have been used."


def last_correction(counter: Counter) -> int:
    """The id of the newest one, 0 where there is none: what a form has seen."""
    newest = of_counter(counter).order_by("-id").first()
    return newest.pk if newest else 0


def of_counter(counter: Counter) -> QuerySet[Correction]:
    return Correction.objects.filter(
        user_id=counter.user_id, usage_type=counter.usage_type, period_start=counter.period_start
    )


@transaction.atomic
def correct(counter: Counter, *, amount: int, reason: str, by: User, seen: int) -> Correction:
    """Adds `amount`, which may be negative. Raises BelowZero, and StaleState where somebody
    corrected the same counter since `seen`."""
    now = timezone.now()
    counter = Counter.objects.select_for_update().get(pk=counter.pk)
    if last_correction(counter) != seen:
        raise StaleState("Somebody corrected this counter in the meantime.")
    if counter.used + amount < 0:
        raise BelowZero()
    counter.used += amount
    counter.save(update_fields=["used"])
    counters.add_to_days(counter.user_id, {(counter.usage_type, now.date()): amount})
    terms = quotas.terms_of(counter.user_id, now)
    if counter.usage_type in terms.quotas and terms.period(now).start == counter.period_start:
        quota = terms.quotas[counter.usage_type]
        counters.note_thresholds([(counter, quota)], at=now)
    return Correction.objects.create(
        user_id=counter.user_id,
        usage_type=counter.usage_type,
        period_start=counter.period_start,
        amount=amount,
        used=counter.used,
        reason=reason,
        by=by,
    )
