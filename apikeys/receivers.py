from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from apikeys import access, notices
from billing.entitlements import order_behind
from billing.models import Entitlement
from billing.signals import access_granted, access_revoked, swept


@receiver(access_granted)
def give_keys(entitlement: Entitlement, **_: Any) -> None:
    access.give_keys(entitlement.user, order_behind(entitlement), entitlement.plan)


@receiver(access_revoked)
def take_keys(entitlement: Entitlement, **_: Any) -> None:
    access.follow_access(entitlement.user)


@receiver(swept)
def warn_of_expiry(**_: Any) -> dict[str, int]:
    return {"key_ends_told": notices.warn_of_expiry()}
