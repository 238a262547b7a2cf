"""What other systems are told of somebody's access: always the whole of it, as it is now.

A right that ends is not an access that ends: whoever holds another one keeps their machine.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from billing.entitlements import access_of
from billing.models import Entitlement, EntitlementOverride
from billing.provisioning import outbox
from billing.signals import access_granted, access_revoked
from sessions_live.models import User

GRANTED, CHANGED, REVOKED = "access.granted", "access.changed", "access.revoked"
# Ended only to be followed, in the same transaction, by a right to another plan.
REPLACED = "plan_changed"


@receiver(access_granted)
def tell_granted(entitlement: Entitlement, **_: Any) -> None:
    if not outbox.is_wanted():
        return
    at = entitlement.granted_at
    others = Entitlement.objects.filter(user_id=entitlement.user_id).exclude(pk=entitlement.pk)
    held = others.in_force(at).exists()
    former = others.filter(source=entitlement.source).order_by("-pk").first()
    if former is not None and former.revoke_reason == REPLACED:
        tell(entitlement.user, about(entitlement), CHANGED, REPLACED, at)
    elif held:
        tell(entitlement.user, about(entitlement), CHANGED, "another_right", at)
    else:
        tell(entitlement.user, about(entitlement), GRANTED, "granted", at)


@receiver(access_revoked)
def tell_revoked(entitlement: Entitlement, **_: Any) -> None:
    if not outbox.is_wanted() or entitlement.revoke_reason == REPLACED:
        return
    at = entitlement.revoked_at
    assert at is not None
    kept = Entitlement.objects.filter(user_id=entitlement.user_id).in_force(at).exists()
    # Another kind of key: this right's own beginning may have been a change already.
    key = f"{about(entitlement)}:end" if kept else about(entitlement)
    kind = CHANGED if kept else REVOKED
    tell(entitlement.user, key, kind, entitlement.revoke_reason, at)


def tell_exception(override: EntitlementOverride, at: datetime) -> None:
    """Staff changed what a plan includes; of interest where there is one."""
    if not outbox.is_wanted():
        return
    if Entitlement.objects.filter(user_id=override.user_id).in_force(at).exists():
        end = ":end" if override.ended_at else ""
        tell(override.user, f"override:{override.pk}{end}", CHANGED, "exception", at)


def about(entitlement: Entitlement) -> str:
    return f"entitlement:{entitlement.pk}"


def tell(user: User, key: str, kind: str, reason: str, at: datetime) -> None:
    """No name and no address: the id is enough to find a machine by."""
    now = access_of(user)
    data = {
        "user_id": user.pk,
        "access": now.access,
        "tier": now.tier,
        "features": now.features,
        "quotas": now.quotas,
        "access_until": outbox.wire_time(now.until) if now.until else None,
        "reason": reason,
    }
    outbox.tell(about=key, kind=kind, user_id=user.pk, data=data, at=at)
