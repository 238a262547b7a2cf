"""Which payments somebody asks for. Every wish is either served by an index in the order of time,
or looked for among so many rows at a time (`config/kit/keyset.py`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.models import Payment
from billing.providers.listing import at_a_provider
from config.kit.keyset import Sought
from config.kit.steering import Only, one_by_one

# An invoice has few payments; an id has one.
MOST_EXACT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """`created_after` is the first moment, `created_before` the first one no more."""

    status: tuple[str, ...] = ()
    provider: str = ""
    tier: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    min_amount: int | None = None
    max_amount: int | None = None
    q: str = ""


def search(payments: QuerySet[Payment], wishes: Wishes, *, of: int | None) -> Sought:
    """Those of a person, or everybody's. A payment that `q` names by its whole id is found whatever
    its age, with one look."""
    led_by = None
    if of is not None:
        led_by, payments = "user_id", payments.filter(Only("user_id", of))
    rows = payments.filter(**bounds(wishes))
    if of is None and len(wishes.status) == 1:
        led_by, rows = "status", rows.filter(Only("status", wishes.status[0]))
        wishes = replace(wishes, status=())
    rest = others(wishes)
    if not wishes.q:
        wanted = rows.filter(one_by_one(rest)) if rest else rows
        return Sought(rows, wanted, indexed=not rest, led_by=led_by)
    exact = list(payments.filter(named(wishes.q)).values_list("pk", flat=True)[:MOST_EXACT])
    if exact:
        return Sought(rows, rows.filter(rest, pk__in=exact), indexed=True, led_by=led_by)
    wanted = rows.filter(one_by_one(rest & begins_with(wishes.q)))
    return Sought(rows, wanted, indexed=False, led_by=led_by)


def bounds(wishes: Wishes) -> dict[str, Any]:
    known = {"created_at__gte": wishes.created_after, "created_at__lt": wishes.created_before}
    return {name: value for name, value in known.items() if value is not None}


def others(wishes: Wishes) -> Q:
    wanted = {
        "status__in": wishes.status or None,
        "provider": wishes.provider or None,
        "tier": wishes.tier or None,
        "amount__gte": wishes.min_amount,
        "amount__lte": wishes.max_amount,
    }
    return Q(**{name: value for name, value in wanted.items() if value is not None})


def named(text: str) -> Q:
    """By a whole id: ours, the provider's, or its invoice's."""
    wanted = at_a_provider(text) | at_a_provider(text, "invoice_id")
    try:
        return wanted | Q(pk=UUID(text))
    except ValueError:
        return wanted


def begins_with(text: str) -> Q:
    return (
        Q(provider_id__startswith=text)
        | Q(invoice_id__startswith=text)
        | Q(description__istartswith=text)
    )
