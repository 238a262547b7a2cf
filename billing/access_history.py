"""Why somebody has access, or has none: the chain from the provider's event over what was bought to
the right that it gave, now or at a time that is past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from billing import plans
from billing.entitlements import features_with, quotas_with
from billing.models import Entitlement, EntitlementOverride, Order, Plan, Subscription
from billing.signals import access_explained
from billing.webhooks.models import WebhookEvent
from billing.wording import day
from sessions_live.models import User


@dataclass(frozen=True, slots=True)
class Chain:
    """One right, from where it came and what became of it. `news` is None where no event of the
    provider brought it: we asked."""

    entitlement: Entitlement
    in_force: bool
    because: str
    subscription: Subscription | None
    order: Order | None
    granted: WebhookEvent | None
    revoked: WebhookEvent | None


@dataclass(frozen=True, slots=True)
class Section:
    """What those above know of the same person, such as their API keys."""

    title: str
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Explanation:
    at: datetime
    plan: Plan | None
    access: bool
    features: list[str]
    quotas: dict[str, int | None]
    chains: list[Chain]
    overrides: list[EntitlementOverride]
    sections: list[Section]


def explain(user: User, at: datetime) -> Explanation:
    """Plans are shown as the catalogue has them now; rights and exceptions as they were then."""
    spans = list(
        Entitlement.objects.filter(user=user).select_related("plan").order_by("-granted_at", "-pk")
    )
    held = sorted((span for span in spans if span.held_at(at)), key=lambda span: -span.plan.rank)
    plan = held[0].plan if held else plans.free_plan()
    overrides = list(
        EntitlementOverride.objects.held_at(at)
        .filter(user=user)
        .select_related("by")
        .order_by("kind", "name")
    )
    told: list[tuple[Any, Any]] = access_explained.send(User, user=user, at=at)
    return Explanation(
        at=at,
        plan=plan,
        access=bool(held),
        features=features_with(plan.features if plan else [], overrides),
        quotas=quotas_with(plan.quotas if plan else {}, overrides),
        chains=_chains(spans, at),
        overrides=overrides,
        sections=[section for _, section in told if section is not None],
    )


def _chains(spans: list[Entitlement], at: datetime) -> list[Chain]:
    subscriptions = Subscription.objects.select_related("plan", "order__price__plan").in_bulk(
        _keys(spans, "subscription")
    )
    orders = Order.objects.select_related("price__plan").in_bulk(_keys(spans, "order"))
    ids = {each for span in spans for each in (span.granted_by, span.revoked_by)} - {""}
    events = {
        event.event_id: event
        for event in WebhookEvent.objects.filter(provider__in=PROVIDERS, event_id__in=ids).defer(
            "body", "error"
        )
    }
    chains = []
    for span in spans:
        kind, key = span.origin
        subscription: Any = subscriptions.get(key) if kind == "subscription" else None
        order = subscription.order if subscription else orders.get(key)
        granted, revoked = events.get(span.granted_by), events.get(span.revoked_by)
        in_force = span.held_at(at)
        words = because(span, at)
        chains.append(Chain(span, in_force, words, subscription, order, granted, revoked))
    return chains


PROVIDERS = ("stripe", "paddle")


def _keys(spans: list[Entitlement], kind: str) -> set[UUID]:
    return {span.origin[1] for span in spans if span.origin[0] == kind}


def because(span: Entitlement, at: datetime) -> str:
    if at < span.granted_at:
        return f"Not given before {day(span.granted_at)}."
    if span.revoked_at is not None and span.revoked_at <= at:
        return f"Ended on {day(span.revoked_at)}: {span.revoke_reason.replace('_', ' ')}."
    if span.expires_at is not None and span.expires_at <= at:
        return f"Its grace period was over on {day(span.expires_at)}."
    if span.expires_at is not None:
        return f"In force for a grace period, until {day(span.expires_at)}."
    return "In force."
