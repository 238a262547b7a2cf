"""Mails about keys. None of them holds a secret, as there is none to hold."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apikeys.models import APIKey
from billing import mails
from billing.models import Plan

# Days before the end; each is said once, the nearest one counts.
WARNINGS = (30, 7, 1)
MOST_AT_ONCE = 500


def key_ready(key: APIKey, plan: Plan) -> None:
    context = {"plan": plan.name}
    mails.queue(user=key.user, template="key_ready", key=f"key_ready:{key.pk}", context=context)


def warn_of_expiry() -> int:
    """Safe to run at any time and by several at once."""
    return sum(_warn(days) for days in sorted(WARNINGS))


@transaction.atomic
def _warn(days: int) -> int:
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
    locked = ending.select_related("user").order_by("pk")
    keys = list(locked.select_for_update(of=("self",), skip_locked=True)[:MOST_AT_ONCE])
    for key in keys:
        key_expiring(key, days)
    APIKey.objects.filter(pk__in=[key.pk for key in keys]).update(warned_days=days)
    return len(keys)


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
