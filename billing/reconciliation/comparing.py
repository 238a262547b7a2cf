"""What we tell differently from the provider, and what the probable cause is. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from billing.models import Customer, Entitlement, Payment, Subscription
from billing.payments import STATUS
from billing.providers.facts import Fact, PaymentFact, SubscriptionChanged
from config.kit.money import Money

MISSED, ELSEWHERE, BUG = "missed event", "changed in the dashboard", "our own bug"


@dataclass(frozen=True, slots=True)
class Found:
    kind: str
    object_id: str
    ours: str
    theirs: str
    cause: str


def subscriptions(facts: Iterable[Fact]) -> list[Found]:
    told = [fact for fact in facts if isinstance(fact, SubscriptionChanged)]
    rows = Subscription.objects.filter(
        provider="stripe", provider_id__in=[fact.subscription_id for fact in told]
    )
    known = {row.provider_id: row for row in rows}
    ours = owned({fact.customer_id for fact in told})
    found = []
    for fact in told:
        row = known.get(fact.subscription_id)
        if row is not None:
            found += subscription(row, fact)
        elif fact.customer_id in ours:
            words = ("nothing", fact.status, MISSED)
            found.append(Found("subscription_missing", fact.subscription_id, *words))
    return found


def subscription(row: Subscription, fact: SubscriptionChanged) -> list[Found]:
    if row.status != fact.status:
        words = (row.status, fact.status, MISSED)
        return [Found("subscription_status", fact.subscription_id, *words)]
    ours = terms(row.money, row.interval, row.cancel_at_period_end, row.current_period_end)
    theirs = terms(fact.money, fact.interval, fact.cancel_at_period_end, fact.current_period_end)
    if ours != theirs and row.status not in Subscription.FINAL:
        words = (ours, theirs, ELSEWHERE)
        return [Found("subscription_terms", fact.subscription_id, *words)]
    return []


def terms(money: Money, interval: str, ends: bool, until: datetime | None) -> str:
    return (
        f"{money} a {interval}, {'ends' if ends else 'renews'} {until:%Y-%m-%d %H:%M:%S}"
        if (until)
        else f"{money} a {interval}"
    )


def payments(facts: Iterable[Fact]) -> list[Found]:
    told = [fact for fact in facts if isinstance(fact, PaymentFact)]
    rows = Payment.objects.filter(
        provider="stripe", provider_id__in=[fact.payment_id for fact in told]
    )
    known = {row.provider_id: row for row in rows}
    ours = owned({fact.customer_id for fact in told})
    found = []
    for fact in told:
        row = known.get(fact.payment_id)
        if row is not None:
            found += payment(row, fact)
        elif fact.customer_id in ours:
            words = ("nothing", f"{STATUS[type(fact)]} {fact.money}", MISSED)
            found.append(Found("payment_missing", fact.payment_id, *words))
    return found


def payment(row: Payment, fact: PaymentFact) -> list[Found]:
    theirs = STATUS[type(fact)]
    # Held, released, refunded: what became of paid money since is not the intent's to tell.
    ours = Payment.Status.SUCCEEDED if row.is_paid else row.status
    if ours != theirs:
        cause = BUG if row.is_paid else MISSED
        return [Found("payment_status", fact.payment_id, row.status, theirs, cause)]
    if row.is_paid and row.money != fact.money:
        words = (str(row.money), str(fact.money), BUG)
        return [Found("payment_amount", fact.payment_id, *words)]
    return []


def entitlements(subscriptions: Iterable[Subscription]) -> list[Found]:
    """Rights against the subscriptions that give them; no provider is asked."""
    now, rows = timezone.now(), list(subscriptions)
    sources = {f"subscription:{row.pk}": row for row in rows}
    held = dict(
        Entitlement.objects.filter(source__in=sources, revoked_at=None).values_list(
            "source", "plan__tier"
        )
    )
    found = []
    for source, row in sources.items():
        wanted, has = row.plan.tier if row.gives_access(now) else "", held.get(source, "")
        if wanted == has:
            continue
        kind = "missing" if not has else "extra" if not wanted else "plan"
        words = (has or "nothing", wanted or "nothing", BUG)
        found.append(Found(f"entitlement_{kind}", row.provider_id, *words))
    return found


def owned(customer_ids: Iterable[str]) -> set[str]:
    """What was sold by others through the same account is none of our business."""
    known = Customer.objects.filter(provider="stripe", provider_id__in=list(customer_ids))
    return {str(key) for key in known.values_list("provider_id", flat=True)}
