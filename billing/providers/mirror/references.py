"""Rows for the ids that a payload refers to, so that dj-stripe finds each and fetches none.

Such a row has an id and no `stripe_data` until an event, or the reconciliation, brings the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings
from django.db import models
from djstripe import models as djstripe
from djstripe.models.base import StripeModel

from billing.providers.mirror.shapes import Payload

# A model class of dj-stripe, which has no types.
Kind = Any
Relation = models.ForeignKey[Any, Any]

# What dj-stripe syncs along with an object without a foreign key to it.
CHILDREN: dict[Kind, dict[str, Kind]] = {
    djstripe.Charge: {"refunds": djstripe.Refund},
    djstripe.Dispute: {"balance_transactions": djstripe.BalanceTransaction},
    djstripe.Invoice: {"lines": djstripe.LineItem, "discounts": djstripe.Discount},
    djstripe.InvoiceItem: {"discounts": djstripe.Discount},
    djstripe.LineItem: {"discounts": djstripe.Discount},
    djstripe.Subscription: {"items": djstripe.SubscriptionItem},
    djstripe.Transfer: {"reversals": djstripe.TransferReversal},
}
OURS = ("djstripe_owner_account", "subscriber")


@dataclass
class References:
    stubs: dict[Kind, dict[str, StripeModel]] = field(default_factory=lambda: defaultdict(dict))
    # Objects that came whole inside the payload, the innermost first.
    expanded: list[tuple[Kind, Payload]] = field(default_factory=list)

    def make_rows(self) -> None:
        # Always in the same order, so that two workers never wait for each other.
        for kind in sorted(self.stubs, key=_depth):
            rows = [row for _, row in sorted(self.stubs[kind].items())]
            kind.objects.bulk_create(rows, ignore_conflicts=True)


def settle_references(kind: Kind, payload: Payload) -> list[tuple[Kind, Payload]]:
    """Makes the missing rows, and leaves only ids of rows in the payload.

    Returns the objects that were inside the payload and are not mirrored yet.
    """
    found = References()
    _collect(kind, payload, payload, found)
    found.make_rows()
    return [
        (each, inner)
        for each, inner in found.expanded
        if each.objects.filter(id=inner["id"], stripe_data={}).exists()
    ]


def make_stub(kind: Kind, id: str) -> bool:
    """False where there is no such row, and it cannot stand alone."""
    found = References()
    there = _stub(kind, id, {}, found)
    found.make_rows()
    return there


def lacks_its_owner(kind: Kind, payload: Payload) -> bool:
    """Without the object that it belongs to, dj-stripe has no place for it."""
    required = (name for name, relation in relations(kind).items() if not relation.null)
    return any(not payload.get(name) for name in required)


def _collect(kind: Kind, payload: Payload, context: Payload, found: References) -> None:
    for name in reverse_relations(kind):
        payload.pop(name, None)
    for name, relation in relations(kind).items():
        if not payload.get(name):
            continue
        id = _settle(relation, payload[name], context, found)
        if id:
            payload[name] = id
        else:
            del payload[name]
    for name, child in CHILDREN.get(kind, {}).items():
        for each in _items(payload.get(name)):
            _collect(child, each, {**context, **each}, found)


def _settle(relation: Relation, value: Any, context: Payload, found: References) -> str:
    """The id of a row that will be there; empty where there can be none."""
    kind: Kind = relation.related_model
    id = _id_of(value)
    if not issubclass(kind, StripeModel) or not id:
        return ""
    whole = isinstance(value, dict) and not value.get("deleted")
    if whole:
        if not kind.is_valid_object(value):
            return ""
        context = {**context, **value}
    if not _stub(kind, id, context, found):
        return ""
    if whole:
        _collect(kind, value, context, found)
        found.expanded.append((kind, value))
    return id


def _stub(kind: Kind, id: str, context: Payload, found: References) -> bool:
    if kind is djstripe.BankAccount and not id.startswith("ba_"):
        return False  # a payout to a debit card
    livemode = settings.STRIPE_LIVE_MODE
    owners: dict[str, Any] = {}
    for name, relation in relations(kind).items():
        if relation.null:
            continue
        owner = _id_of(context.get(name))
        by_id = relation.target_field.name == "id"
        if not owner or not by_id or not _stub(relation.related_model, owner, context, found):
            return kind.objects.filter(id=id).exists()
        owners[relation.attname] = owner
    found.stubs[kind][id] = kind(id=id, livemode=livemode, **owners, **_nothing(kind))
    return True


def _id_of(reference: Any) -> str:
    found = reference.get("id") if isinstance(reference, Mapping) else reference
    return found if isinstance(found, str) else ""


def _items(value: Any) -> Iterator[Payload]:
    rows = value.get("data") if isinstance(value, Mapping) else value
    return (each for each in rows or [] if isinstance(each, dict))


@cache
def relations(kind: Kind) -> dict[str, Relation]:
    return {
        each.name: each
        for each in kind._meta.concrete_fields
        if isinstance(each, models.ForeignKey) and each.name not in OURS
    }


@cache
def reverse_relations(kind: Kind) -> list[str]:
    return [each.name for each in kind._meta.get_fields() if isinstance(each, models.OneToOneRel)]


@cache
def _depth(kind: Kind) -> tuple[int, str]:
    owners = [each.related_model for each in relations(kind).values() if not each.null]
    return 1 + max((_depth(owner)[0] for owner in owners), default=0), kind.__name__


@cache
def _nothing(kind: Kind) -> dict[str, Any]:
    """The emptiest values that the columns allow which have no default."""
    return {
        each.name: False if isinstance(each, models.BooleanField) else 0
        for each in kind._meta.concrete_fields
        if isinstance(each, models.IntegerField | models.DecimalField | models.BooleanField)
        and not (each.null or each.has_default() or each.primary_key)
    }
