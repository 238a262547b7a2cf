from __future__ import annotations

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from apikeys import access, explaining, notices
from billing.access_history import Section
from billing.entitlements import order_behind
from billing.models import Entitlement
from billing.signals import access_explained, access_granted, access_revoked, swept
from sessions_live.models import User


@receiver(access_granted)
def give_keys(entitlement: Entitlement, **_: Any) -> None:
    access.give_keys(entitlement.user, order_behind(entitlement), entitlement.plan)


@receiver(access_revoked)
def take_keys(entitlement: Entitlement, **_: Any) -> None:
    access.follow_access(entitlement.user)


@receiver(swept)
def warn_of_expiry(**_: Any) -> dict[str, int]:
    return {"key_ends_told": notices.warn_of_expiry()}


@receiver(access_explained)
def explain_keys(user: User, at: datetime, **_: Any) -> Section:
    return explaining.keys_at(user, at)
