"""Mails about keys. None of them holds a secret, as there is none to hold."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from apikeys.models import APIKey
from billing import mails
from billing.models import Plan
from config.kit.one_by_one import one_by_one

# Days before the end; each is said once, the nearest one counts.
WARNINGS = (30, 7, 1)
MOST_AT_ONCE = 500


def key_ready(key: APIKey, plan: Plan) -> None:
    context = {"plan": plan.name}
    mails.queue(user=key.user, template="key_ready", key=f"key_ready:{key.pk}", context=context)


def key_leaked(key: APIKey, *, found_at: str) -> None:
    context = {"name": key.name, "prefix": key.prefix, "found_at": found_at}
    mails.queue(user=key.user, template="key_leaked", key=f"key_leaked:{key.pk}", context=context)


def warn_of_expiry() -> int:
    """Safe to run at any time and by several at once."""
    warned = 0
    with one_by_one() as apart:
        for days in sorted(WARNINGS):
            for pk in _ending(days).values_list("pk", flat=True)[:MOST_AT_ONCE]:
                with apart(f"key {pk}"):
                    warned += _warn(pk, days)
    return warned


def _ending(days: int) -> QuerySet[APIKey]:
    """Keys in use that end within so many days and were not told so; one that was made for no
    longer than that knew it from the first, and one that was replaced is meant to end."""
    now, span = timezone.now(), timedelta(days=days)
    ending = APIKey.objects.filter(
        Q(warned_days=None) | Q(warned_days__gt=days),
        status=APIKey.Status.ACTIVE,
        successor=None,
        expires_at__gt=now,
        expires_at__lte=now + span,
        created_at__lt=F("expires_at") - span,
    )
    return ending.order_by("pk")


@transaction.atomic
def _warn(pk: int, days: int) -> bool:
    ending = _ending(days).filter(pk=pk).select_related("user")
    key = ending.select_for_update(of=("self",), skip_locked=True).first()
    if key is None:
        return False
    key_expiring(key, days)
    APIKey.objects.filter(pk=pk).update(warned_days=days)
    return True


def key_expiring(key: APIKey, days: int) -> None:
    mails.queue(
        user=key.user,
        template="key_expiring",
        key=f"key_expiring:{key.pk}:{days}",
        context={
            "name": key.name,
            "prefix": key.prefix,
            "expires_at": key.expires_at,
            "days": days,
        },
        good_until=key.expires_at,
    )
