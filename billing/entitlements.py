"""Who may use what. Access follows a subscription or a paid order; nothing else gives it. What the
plan includes may be changed for one person by staff."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, F, FilteredRelation, IntegerField, OuterRef, Q, When
from django.utils import timezone

from billing import notices
from billing.models import Entitlement, EntitlementOverride, Order, Plan, Price, Subscription
from billing.signals import access_granted, access_revoked
from billing.usage import quotas as usage_quotas
from billing.webhooks import cause
from config.kit.one_by_one import one_by_one
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


def grant(
    *,
    user: User,
    plan: Plan,
    source: str,
    expires_at: datetime | None = None,
    period_start: datetime | None = None,
) -> None:
    """Safe to repeat; must run inside a transaction. Quotas are per month, counted from the day
    that the provider charges on, `period_start`, also for who pays by the year."""
    rights = _open_rights(user.pk)
    held = next((right for right in rights if right.source == source), None)
    if held is not None and held.plan_id == plan.pk:
        if held.expires_at != expires_at:
            held.expires_at = expires_at
            held.save(update_fields=["expires_at"])
        tell_usage(user.pk, rights, {source: period_start})
        return
    now = timezone.now()
    if held is not None:
        _end(held, reason="plan_changed", at=now)
        rights.remove(held)
    begun = Entitlement.objects.create(
        user=user,
        plan=plan,
        source=source,
        granted_at=now,
        granted_by=cause.current.get(),
        expires_at=expires_at,
    )
    tell_usage(user.pk, [*rights, begun], {source: period_start})
    access_granted.send(Entitlement, entitlement=begun)


def revoke(*, source: str, reason: str) -> None:
    """Safe to repeat; must run inside a transaction."""
    held = Entitlement.objects.filter(source=source, revoked_at=None).first()
    if held is not None:
        _end(held, reason=reason, at=timezone.now())
        tell_usage(held.user_id, _open_rights(held.user_id), {})
        access_revoked.send(Entitlement, entitlement=held)
        notices.access_ended(held)


def _open_rights(user_id: int) -> list[Entitlement]:
    return list(Entitlement.objects.filter(user_id=user_id, revoked_at=None).select_related("plan"))


def _end(held: Entitlement, *, reason: str, at: datetime) -> None:
    held.revoked_at, held.revoked_by, held.revoke_reason = at, cause.current.get(), reason
    held.save(update_fields=["revoked_at", "revoked_by", "revoke_reason"])


def tell_usage(
    user_id: int, rights: list[Entitlement], starts: Mapping[str, datetime | None]
) -> None:
    """What the meters count by. `starts` are the periods that are known, by source."""
    now = timezone.now()
    held = [right for right in rights if right.held_at(now)]
    if not held:
        usage_quotas.allow(user_id, tier="", anchor=None, expires_at=None)
        return
    best = max(held, key=lambda right: (right.plan.rank, right.granted_at))
    start = starts[best.source] if best.source in starts else _period_start(best)
    usage_quotas.allow(
        user_id,
        tier=best.plan.tier,
        anchor=start or best.granted_at,
        expires_at=best.expires_at,
    )


def _period_start(right: Entitlement) -> datetime | None:
    kind, key = right.origin
    if kind != "subscription":
        return None
    return Subscription.objects.values_list("current_period_start", flat=True).get(pk=key)


def follow_subscription(subscription: Subscription) -> None:
    source = f"subscription:{subscription.pk}"
    if subscription.gives_access(timezone.now()):
        grant(
            user=subscription.user,
            plan=subscription.plan,
            source=source,
            expires_at=subscription.access_ends_at,
            period_start=subscription.current_period_start,
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
    """Those whose grace, or whose paid time in a pause, has run out; reading stops counting them by
    itself at that moment. Not those that were paid for a moment ago."""
    expired = Entitlement.objects.filter(revoked_at=None, expires_at__lte=timezone.now())
    ended = 0
    with one_by_one() as apart:
        for held in expired:
            with apart(f"entitlement {held.pk}"), transaction.atomic():
                if expired.select_for_update().filter(pk=held.pk).first() is not None:
                    revoke(source=held.source, reason=why_expired(held))
                    ended += 1
    return ended


def why_expired(held: Entitlement) -> str:
    kind, key = held.origin
    if kind != "subscription":
        return "grace_ended"
    paused = Subscription.objects.filter(pk=key, status=Subscription.Status.PAUSED)
    return "paused" if paused.exists() else "grace_ended"


def access_of(user: User) -> Access:
    """The best plan that the user holds, or the free one, with what staff changed for them."""
    now = timezone.now()
    plan = best_plan(user, now)
    subscription = (
        Subscription.objects.filter(user=user, duplicate=False).order_by("-created_at").first()
    )
    overrides = list(EntitlementOverride.objects.held_at(now).filter(user=user).order_by("name"))
    source = plan.source if plan else None
    return Access(
        tier=plan.tier if plan else "free",
        status=subscription.status if subscription else "none",
        features=features_with(plan.features if plan else [], overrides),
        quotas=quotas_with(plan.quotas if plan else {}, overrides),
        access=source is not None,
        until=_until(source, plan.held_until if plan else None, subscription),
    )


def best_plan(user: User, at: datetime) -> Any:
    """A plan with its `source` and `held_until`, both None for the free one; None where there is no
    plan at all. One statement."""
    held = FilteredRelation(
        "entitlements",
        condition=Q(entitlements__user=user) & Entitlement.holds(at, "entitlements__"),
    )
    free = Q(active=True) & ~Exists(Price.objects.filter(plan=OuterRef("pk")))
    # Of what is held the best, before all that is free; of what is free the least.
    worth = Case(
        When(held__isnull=False, then=F("rank")),
        default=-1 - F("rank"),
        output_field=IntegerField(),
    )
    return (
        Plan.objects.annotate(held=held, source=F("held__source"), held_until=F("held__expires_at"))
        .filter(Q(held__isnull=False) | free)
        .order_by(worth.desc())
        .first()
    )


def features_with(features: Iterable[str], overrides: Iterable[EntitlementOverride]) -> list[str]:
    changed = {each.name: each.allowed for each in overrides if each.kind == "feature"}
    kept = [name for name in features if changed.get(name, True)]
    return kept + [name for name, given in changed.items() if given and name not in kept]


def quotas_with(
    quotas: dict[str, int | None], overrides: Iterable[EntitlementOverride]
) -> dict[str, int | None]:
    return quotas | {each.name: each.limit for each in overrides if each.kind == "quota"}


def _until(
    source: str | None, held_until: datetime | None, subscription: Subscription | None
) -> datetime | None:
    if source is None or held_until:
        return held_until
    if subscription and source == f"subscription:{subscription.pk}":
        return subscription.current_period_end if subscription.cancel_at_period_end else None
    return None
