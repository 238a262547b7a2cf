"""Rows for the ids that a payload refers to, so that dj-stripe finds each and fetches none.

Such a row has an id and no `stripe_data` until an event, or the reconciliation, brings the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.db import models
from djstripe import models as djstripe
from djstripe.models.base import StripeModel

from billing.providers.mirror.shapes import Payload

# A model class of dj-stripe, which has no types.
Kind = Any
Stubs = dict[Kind, dict[str, StripeModel]]
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


def settle_references(kind: Kind, payload: Payload) -> None:
    """Makes the missing rows; takes out of the payload what no row can be made for."""
    stubs: Stubs = defaultdict(dict)
    _collect(kind, payload, payload, stubs)
    # Always in the same order, so that two workers never wait for each other.
    for each in sorted(stubs, key=_depth):
        rows = [row for _, row in sorted(stubs[each].items())]
        each.objects.bulk_create(rows, ignore_conflicts=True)


def make_stub(kind: Kind, id: str) -> bool:
    """False where there is no such row, and it cannot stand alone."""
    stubs: Stubs = defaultdict(dict)
    there = _stub(kind, id, {}, stubs)
    kind.objects.bulk_create(stubs[kind].values(), ignore_conflicts=True)
    return there


def lacks_its_owner(kind: Kind, payload: Payload) -> bool:
    """Without the object that it belongs to, dj-stripe has no place for it."""
    return any(not payload.get(name) for name, field in relations(kind).items() if not field.null)


def _collect(kind: Kind, payload: Payload, context: Mapping[str, Any], stubs: Stubs) -> None:
    for name in reverse_relations(kind):
        payload.pop(name, None)
    for name, field in relations(kind).items():
        value = payload.get(name)
        if isinstance(value, Mapping) and value.get("deleted"):
            value = payload[name] = value["id"]
        if value and not _settle(field, value, context, stubs):
            del payload[name]
    for name, child in CHILDREN.get(kind, {}).items():
        for each in _items(payload.get(name)):
            _collect(child, each, {**context, **each}, stubs)


def _settle(field: Relation, value: Any, context: Mapping[str, Any], stubs: Stubs) -> bool:
    kind: Kind = field.related_model
    if not issubclass(kind, StripeModel):
        return False
    if isinstance(value, str):
        return _stub(kind, value, context, stubs)
    if not isinstance(value, dict) or not kind.is_valid_object(value):
        return False
    _collect(kind, value, {**context, **value}, stubs)
    return not lacks_its_owner(kind, value)


def _stub(kind: Kind, id: str, context: Mapping[str, Any], stubs: Stubs) -> bool:
    if kind is djstripe.BankAccount and not id.startswith("ba_"):
        return False  # a payout to a debit card
    livemode = settings.STRIPE_LIVE_MODE
    owners: dict[str, Any] = {}
    for name, field in relations(kind).items():
        if field.null:
            continue
        owner = _id_of(context.get(name))
        by_id = field.target_field.name == "id"
        if not owner or not by_id or not _stub(field.related_model, owner, context, stubs):
            return kind.objects.filter(id=id).exists()
        owners[field.attname] = owner
    stubs[kind][id] = kind(id=id, livemode=livemode, **owners, **_nothing(kind))
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
        field.name: field
        for field in kind._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.name not in OURS
    }


@cache
def reverse_relations(kind: Kind) -> list[str]:
    return [each.name for each in kind._meta.get_fields() if isinstance(each, models.OneToOneRel)]


@cache
def _depth(kind: Kind) -> tuple[int, str]:
    owners = [field.related_model for field in relations(kind).values() if not field.null]
    return 1 + max((_depth(owner)[0] for owner in owners), default=0), kind.__name__


@cache
def _nothing(kind: Kind) -> dict[str, Any]:
    """The emptiest values that the columns allow which have no default."""
    return {
        field.name: 0 if isinstance(field, models.IntegerField | models.DecimalField) else False
        for field in kind._meta.concrete_fields
        if isinstance(field, models.IntegerField | models.DecimalField | models.BooleanField)
        and not (field.null or field.has_default() or field.primary_key)
    }
