from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from apikeys.access import follow_access, give_first_key
from billing.entitlements import order_behind
from billing.models import Entitlement
from billing.signals import access_granted, access_revoked


@receiver(access_granted)
def give_keys(entitlement: Entitlement, **_: Any) -> None:
    give_first_key(entitlement.user, order_behind(entitlement))
    follow_access(entitlement.user)


@receiver(access_revoked)
def take_keys(entitlement: Entitlement, **_: Any) -> None:
    follow_access(entitlement.user)
