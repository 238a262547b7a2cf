"""Events about people who are no longer to be known: what has come is blackened, and what still
comes is, as soon as it took effect. Ids stay, so that nothing takes effect twice."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Max, Q

from billing.providers.redaction import without_person
from billing.webhooks.models import Forgotten, WebhookEvent
from billing.webhooks.signals import late_news

# Rows of the inbox that one statement looks through.
WINDOW = 5_000


def remember(provider: str, ids: Iterable[str]) -> None:
    """From now on. Safe to repeat."""
    rows = [Forgotten(provider=provider, subject=each) for each in set(ids) if each]
    Forgotten.objects.bulk_create(rows, ignore_conflicts=True)


def whom(event: WebhookEvent) -> list[str]:
    """Which of those ids the event is about; none for nearly all."""
    try:
        told = event.payload["data"]
        thing, before = told["object"], told.get("previous_attributes") or {}
    except (KeyError, TypeError, ValueError, AttributeError):
        return []
    named = {id_of(thing.get(name)) for name in ("id", "customer", "payment_intent", "invoice")}
    named |= {id_of(before.get("customer"))}
    known = Forgotten.objects.filter(provider=event.provider, subject__in=named - {""})
    return list(known.values_list("subject", flat=True))


def id_of(reference: Any) -> str:
    found = reference.get("id") if isinstance(reference, dict) else reference
    return found if isinstance(found, str) else ""


def blacken_late(event: WebhookEvent) -> bool:
    """For an event that took effect; inside a transaction. Tells those above."""
    ids = whom(event)
    if ids:
        blacken(event)
        event.save(update_fields=["body", "error", "mirror_error"])
        late_news.send(WebhookEvent, provider=event.provider, ids=ids)
    return bool(ids)


def blacken(event: WebhookEvent, words: Collection[str] = ()) -> None:
    event.body = json.dumps({**without_person(event.payload, words), "redacted": True})
    event.error = event.mirror_error = ""
    event.__dict__.pop("payload", None)


def blacken_past(provider: str, ids: Collection[str], words: Collection[str]) -> int:
    """All that came before and took effect, a window at a time; outside of transactions, as it
    takes its time. Safe to break off and to repeat."""
    pattern = "|".join(re.escape(each) for each in {*ids, *words} if each)
    last = WebhookEvent.objects.aggregate(last=Max("pk"))["last"] or 0
    found = 0
    for start in range(0, last, WINDOW):
        window = WebhookEvent.objects.filter(
            ~Q(status=WebhookEvent.Status.RECEIVED),
            pk__gt=start,
            pk__lte=start + WINDOW,
            provider=provider,
            body__iregex=pattern,
        ).exclude(body__endswith='"redacted": true}')
        for event in window:
            blacken(event, words)
            event.save(update_fields=["body", "error", "mirror_error"])
            found += 1
    return found


def blacken_dead_letters() -> int:
    """They did not take effect, and nobody takes them up again by himself."""
    if not Forgotten.objects.exists():
        return 0
    failed = WebhookEvent.objects.filter(status=WebhookEvent.Status.FAILED)
    waiting = failed.exclude(body__endswith='"redacted": true}').order_by("-pk")[:1000]
    return sum(blacken_late(event) for event in waiting)
