"""What a Stripe event shows, written into dj-stripe's tables from the payload alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import stripe
from django.apps import apps
from django.db import connection, transaction
from djstripe import models as djstripe
from djstripe.models.base import StripeModel

from billing.providers.mirror.models import MirrorCursor
from billing.providers.mirror.order import rank_of
from billing.providers.mirror.references import (
    Kind,
    lacks_its_owner,
    make_stub,
    settle_references,
)
from billing.providers.mirror.shapes import Payload, readable, storable
from billing.providers.stripe.translation import subject_of

# Our inbox keeps events, our environment keeps keys and secrets; a preview was never an invoice;
# sources are gone from Stripe.
LEFT_OUT = {
    "APIKey",
    "AccountV2",
    "Event",
    "Source",
    "SourceTransaction",
    "TransferReversal",
    "UpcomingInvoice",
    "WebhookEndpoint",
}
# The end of a subscription is a state of it, not its removal.
ENDINGS = {"customer.subscription.deleted"}


def apply_to_mirror(event: Mapping[str, Any]) -> bool:
    """False where nothing is to be written: unknown to dj-stripe, or older than what is there.

    Safe to call twice and in any order.
    """
    payload = shown_by(event)
    kind = kind_of(payload)
    if kind is None:
        return False
    with transaction.atomic():
        hold(subject_of({"id": event["id"], "data": {"object": payload}}))
        newest = MirrorCursor.advance(
            f"{payload['object']}:{payload['id']}",
            shown_at=int(event["created"]),
            rank=rank_of(event["type"], payload),
        )
        if not newest:
            return False
        deleted = event["type"].endswith(".deleted") and event["type"] not in ENDINGS
        if payload.get("deleted"):
            return mark_deleted(kind, payload["id"])
        return write(kind, {**payload, "deleted": True} if deleted else payload)


def shown_by(event: Mapping[str, Any]) -> Payload:
    shown = (event.get("data") or {}).get("object")
    return storable(shown) if isinstance(shown, Mapping) else {}


def kind_of(payload: Payload) -> Kind | None:
    id = payload.get("id")
    if not isinstance(id, str) or not id or id.startswith("upcoming_"):
        return None
    return kinds().get(str(payload.get("object")))


@cache
def kinds() -> dict[str, Kind]:
    ours: list[Kind] = [
        kind
        for kind in apps.get_app_config("djstripe").get_models()
        if issubclass(kind, StripeModel) and kind.__name__ not in LEFT_OUT
    ]
    named = {getattr(kind.stripe_class, "OBJECT_NAME", ""): kind for kind in ours}
    # dj-stripe gives these two no name of their own.
    return {
        **named,
        "discount": djstripe.Discount,
        "transfer_reversal": djstripe.TransferReversal,
    }


def hold(subject: str) -> None:
    """One customer's objects one after the other: dj-stripe deadlocks itself otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"mirror:{subject}"]
        )


def write(kind: Kind, payload: Payload) -> bool:
    seen: Payload = readable(payload)
    for each, inner in settle_references(kind, seen):
        sync(each, inner)
    if lacks_its_owner(kind, seen) and not kind.objects.filter(id=payload["id"]).exists():
        return False
    unchanged = seen == payload
    row = sync(kind, seen)
    if not unchanged:
        kind.objects.filter(pk=row.pk).update(stripe_data=payload)
    return True


def sync(kind: Kind, payload: Payload) -> Any:
    return kind.sync_from_stripe_data(stripe.StripeObject.construct_from(payload, None))


def mark_deleted(kind: Kind, id: str) -> bool:
    """Rows stay: history refers to them, and dj-stripe's deletions cascade."""
    if not make_stub(kind, id):
        return False
    row = kind.objects.only("pk", "stripe_data").get(id=id)
    kind.objects.filter(pk=row.pk).update(stripe_data={**row.stripe_data, "deleted": True})
    return True
