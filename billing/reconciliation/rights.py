"""What people may use, beside the subscriptions that give it. No provider is asked. Of plans that
were bought for good: bought_rights.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from billing import entitlements
from billing.models import Entitlement, Order, Subscription
from billing.reconciliation.comparers import Comparer, Found, Look, Scope
from billing.reconciliation.models import Difference
from billing.reconciliation.objects import NOT_THERE, of_customer

BATCH = 500
# What ends at a time of day is ended by the sweep, a little later.
SWEPT_WITHIN = timedelta(minutes=5)
Cause = Difference.Cause


class Rights(Comparer):
    name = "entitlements"
    kinds = ("entitlement_missing", "entitlement_extra", "entitlement_plan")

    def look(self, scope: Scope, after: str) -> Look:
        rows = of_customer(Subscription.objects.select_related("plan"), scope).order_by("pk")
        batch = list((rows.filter(pk__gt=after) if after else rows)[:BATCH])
        return Look(
            found=judge(batch, scope.customer),
            looked_at={row.provider_id for row in batch},
            after=str(batch[-1].pk) if len(batch) == BATCH else "",
        )

    def mend(self, difference: Difference, told: Any) -> list[Found]:
        rows = Subscription.objects.select_related("user", "plan").select_for_update(of=("self",))
        row = rows.get(provider=difference.provider, provider_id=difference.object_id)
        entitlements.follow_subscription(row)
        return judge([row], difference.customer)


def judge(subscriptions: Iterable[Subscription], customer: str = "") -> list[Found]:
    sources = {f"subscription:{row.pk}": row for row in subscriptions}
    held = held_from(sources)
    found = []
    for source, row in sources.items():
        wanted, has = wanted_of(row), held.get(source, "")
        if has not in wanted:
            found.append(differing(row, source, has=has, wanted=wanted[0], customer=customer))
    return found


def held_from(sources: Iterable[str]) -> dict[str, str]:
    """The tier of the right that each gives now."""
    rights = Entitlement.objects.filter(source__in=list(sources), revoked_at=None)
    return dict(rights.values_list("source", "plan__tier"))


def wanted_of(row: Subscription) -> list[str]:
    """The plan whose right there should be, or none; for a moment after its end both are well."""
    now = timezone.now()
    times = (now, now - SWEPT_WITHIN)
    return [row.plan.tier if row.gives_access(at) else "" for at in times]


def differing(row: Subscription, source: str, *, has: str, wanted: str, customer: str) -> Found:
    told = f"the subscription was {row.status} in news of {row.fact_at:%Y-%m-%d %H:%M:%S}"
    cause, evidence = why(source, f"{told}, or was changed since")
    return Found(
        kind=f"entitlement_{kind_of(has, wanted)}",
        object_id=row.provider_id,
        ours=has or NOT_THERE,
        theirs=wanted or NOT_THERE,
        customer=customer or customer_of(row),
        cause=cause,
        evidence=evidence,
    )


def kind_of(has: str, wanted: str) -> str:
    return "missing" if not has else "extra" if not wanted else "plan"


def why(source: str, told: str) -> tuple[str, str]:
    """A right and what gives it are written in one transaction, so one without the other was
    changed by something else; the right itself says who ended it. `told` is what is known of what
    gives it."""
    last = Entitlement.objects.filter(source=source).order_by("-granted_at", "-pk").first()
    if last is None:
        giver = source.partition(":")[0]
        return Cause.CHANGED_HERE, f"The {giver} is kept and its right is not: it was removed."
    if last.revoked_at is None:
        at = f"{last.granted_at:%Y-%m-%d %H:%M:%S}"
        return Cause.CHANGED_HERE, f"The right is of {at}; {told}."
    ended = f"The right ended {last.revoked_at:%Y-%m-%d %H:%M:%S}"
    if last.revoked_by:
        return Cause.NO_EFFECT, f"{ended} with event {last.revoked_by}; none gave it back."
    if last.revoke_reason:
        return Cause.UNKNOWN, f"{ended}, by no event: {last.revoke_reason}."
    return Cause.CHANGED_HERE, f"{ended}, by no event and for no reason that is noted."


def customer_of(row: Subscription | Order) -> str:
    theirs = row.user.customers.filter(provider=row.provider)
    return theirs.values_list("provider_id", flat=True).first() or ""
