"""Who may use what. Access follows a subscription or a paid order; nothing else gives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from billing.models import Entitlement, Order, Plan, Subscription
from billing.signals import access_granted, access_revoked
from sessions_live.models import User


@dataclass(frozen=True, slots=True)
class Access:
    """What a user may do now. `until` is None where no end is known."""

    tier: str
    status: str
    features: list[str]
    quotas: dict[str, int | None]
    access: bool
    until: datetime | None


def grant(*, user: User, plan: Plan, source: str, expires_at: datetime | None = None) -> None:
    """Safe to repeat; must run inside a transaction."""
    held = Entitlement.objects.filter(source=source).first()
    if held is None:
        held = Entitlement.objects.create(
            user=user,
            plan=plan,
            source=source,
            granted_at=timezone.now(),
            expires_at=expires_at,
        )
        access_granted.send(Entitlement, entitlement=held)
        return
    if held.revoked_at is None and held.plan_id == plan.pk and held.expires_at == expires_at:
        return
    news = held.revoked_at is not None or held.plan_id != plan.pk
    held.plan, held.expires_at, held.revoked_at, held.revoke_reason = plan, expires_at, None, ""
    held.save(update_fields=["plan", "expires_at", "revoked_at", "revoke_reason"])
    if news:
        access_granted.send(Entitlement, entitlement=held)


def revoke(*, source: str, reason: str) -> None:
    """Safe to repeat; must run inside a transaction."""
    held = Entitlement.objects.filter(source=source, revoked_at=None).first()
    if held is None:
        return
    held.revoked_at, held.revoke_reason = timezone.now(), reason
    held.save(update_fields=["revoked_at", "revoke_reason"])
    access_revoked.send(Entitlement, entitlement=held)


def follow_subscription(subscription: Subscription) -> None:
    source = f"subscription:{subscription.pk}"
    if subscription.gives_access(timezone.now()):
        overdue = subscription.status == Subscription.Status.PAST_DUE
        grant(
            user=subscription.user,
            plan=subscription.plan,
            source=source,
            expires_at=subscription.grace_until if overdue else None,
        )
    else:
        reason = "duplicate" if subscription.duplicate else subscription.status
        revoke(source=source, reason=reason)


def follow_order(order: Order) -> None:
    """A plan that is paid once is the buyer's for good."""
    grant(user=order.user, plan=order.price.plan, source=f"order:{order.pk}")


def order_behind(held: Entitlement) -> Order | None:
    """The purchase that gave this right, where it was one."""
    kind, _, key = held.source.partition(":")
    match kind:
        case "order":
            return Order.objects.filter(pk=key).first()
        case "subscription":
            return Order.objects.filter(subscription__pk=key).first()
        case _:
            return None


def revoke_expired() -> int:
    """Those whose grace has run out; reading stops counting them by itself at that moment."""
    expired = Entitlement.objects.filter(revoked_at=None, expires_at__lte=timezone.now())
    for held in expired:
        revoke(source=held.source, reason="grace_ended")
    return len(expired)


def access_of(user: User) -> Access:
    """The best plan that the user holds, or the free one."""
    held = (
        Entitlement.objects.in_force(timezone.now())
        .filter(user=user)
        .select_related("plan")
        .order_by("-plan__rank")
        .first()
    )
    subscription = (
        Subscription.objects.filter(user=user, duplicate=False).order_by("-created_at").first()
    )
    plan = held.plan if held else Plan.objects.filter(active=True, prices=None).first()
    return Access(
        tier=plan.tier if plan else "free",
        status=subscription.status if subscription else "none",
        features=plan.features if plan else [],
        quotas=plan.quotas if plan else {},
        access=held is not None,
        until=_until(held, subscription),
    )


def _until(held: Entitlement | None, subscription: Subscription | None) -> Any:
    if held is None:
        return None
    if held.expires_at:
        return held.expires_at
    if subscription and held.source == f"subscription:{subscription.pk}":
        return subscription.current_period_end if subscription.cancel_at_period_end else None
    return None
