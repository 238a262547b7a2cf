"""Taking a person out of the mirror. Rows stay, as reconciliation counts them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import QuerySet
from djstripe import models as djstripe

from billing.providers.mirror.feed import kinds
from billing.providers.redaction import without_person


def forget(customer_id: str, ids: Collection[str], words: Collection[str]) -> int:
    """`ids` are those of objects that no longer say whose they were. Safe to repeat."""
    changed = 0
    for rows in about(customer_id, ids):
        for row in rows.only("pk", "stripe_data"):
            left = without_person(row.stripe_data, words)
            if left != row.stripe_data:
                rows.filter(pk=row.pk).update(stripe_data=left)
                changed += 1
    djstripe.Customer.objects.filter(id=customer_id).update(email="")
    return changed


def about(customer_id: str, ids: Collection[str]) -> Iterator[QuerySet[Any]]:
    yield djstripe.Customer.objects.filter(id=customer_id)
    for kind in set(kinds().values()):
        columns = {field.name for field in kind._meta.concrete_fields}
        if "customer" in columns:
            yield kind.objects.filter(customer__id=customer_id)
        elif "charge" in columns:
            yield kind.objects.filter(charge__customer__id=customer_id)
        if "payment_intent" in columns and "customer" not in columns:
            yield kind.objects.filter(payment_intent__customer__id=customer_id)
    yield djstripe.PaymentMethod.objects.filter(id__in=ids)


def copies(customer_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the mirror has of somebody, for their own eyes."""
    for rows in about(customer_id, ()):
        for row in rows.iterator():
            yield rows.model.__name__, row.stripe_data
