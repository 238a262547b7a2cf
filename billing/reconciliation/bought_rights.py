"""What people may use for good, beside the orders that gave it. The provider is asked only to mend
one: whether its page was paid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from billing import entitlements
from billing.models import Interval, Order, Payment
from billing.providers.base import Provider
from billing.providers.facts import Fact
from billing.reconciliation.comparers import Comparer, Found, Look, Scope
from billing.reconciliation.models import Difference
from billing.reconciliation.objects import NOT_THERE, of_customer
from billing.reconciliation.rights import BATCH, customer_of, held_from, kind_of, why
from billing.webhooks.inbox import hold_subject
from billing.webhooks.registry import dispatch


class BoughtRights(Comparer):
    name = "bought_rights"
    kinds = ("bought_right_missing", "bought_right_extra", "bought_right_plan")
    # What was given for good is not taken away by a rule.
    for_people = ("bought_right_extra",)

    def look(self, scope: Scope, after: str) -> Look:
        rows = of_customer(bought_once(), scope).order_by("pk")
        batch = list((rows.filter(pk__gt=after) if after else rows)[:BATCH])
        return Look(
            found=judge(batch, scope.customer),
            looked_at={row.provider_id for row in batch},
            after=str(batch[-1].pk) if len(batch) == BATCH else "",
        )

    def read(self, client: Provider, difference: Difference) -> tuple[Fact, ...]:
        return client.read_checkout(difference.object_id).facts

    def mend(self, difference: Difference, told: tuple[Fact, ...]) -> list[Found]:
        """As its webhook would have done, under the same lock; and what that has done, again."""
        provider, page = difference.provider, difference.object_id
        hold_subject(provider, difference.customer or page)
        for fact in told:
            dispatch(fact)
        order = bought_once().get(provider=provider, provider_id=page)
        if order.status == Order.Status.COMPLETED:
            entitlements.follow_order(order)
        return judge([order], difference.customer)


def bought_once() -> QuerySet[Any]:
    """What was never opened at the provider cannot have been paid."""
    paid = Payment.objects.paid().filter(order=OuterRef("pk"))
    rows = Order.objects.filter(price__interval=Interval.ONCE).exclude(provider_id=None)
    return rows.select_related("user", "price__plan").annotate(is_paid=Exists(paid))


def judge(orders: Iterable[Any], customer: str = "") -> list[Found]:
    sources = {f"order:{row.pk}": row for row in orders}
    held = held_from(sources)
    found = []
    for source, row in sources.items():
        given = row.is_paid or row.status == Order.Status.COMPLETED
        wanted, has = row.price.plan.tier if given else "", held.get(source, "")
        if has != wanted:
            found.append(differing(row, source, has=has, wanted=wanted, customer=customer))
    return found


def differing(row: Order, source: str, *, has: str, wanted: str, customer: str) -> Found:
    cause, evidence = "", ""
    if has or row.status == Order.Status.COMPLETED:
        cause, evidence = why(source, f"the order is {row.status}")
    return Found(
        kind=f"bought_right_{kind_of(has, wanted)}",
        object_id=row.provider_id or "",
        ours=has or NOT_THERE,
        theirs=wanted or NOT_THERE,
        customer=customer or customer_of(row),
        made_at=row.created_at,
        cause=cause,
        evidence=evidence,
    )
