"""Feeding the mirror of Stripe's objects, after the effects of an event and apart from them."""

from __future__ import annotations

import logging
import random
import traceback
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from billing.providers.mirror.feed import apply_to_mirror
from billing.webhooks.forgetting import blacken_late
from billing.webhooks.models import WebhookEvent

log = logging.getLogger(__name__)

# 10 s, 40 s, 3 min, 11 min, 43 min, 3 h, 6 h; then it is left to the reconciliation.
ATTEMPTS = 8
LONGEST_WAIT = 6 * 3600


def drain_mirror(limit: int = 1000) -> int:
    """Takes what is due, at most `limit` events; returns how many it took."""
    taken = 0
    while taken < limit and not effects_wait() and take_next():
        taken += 1
    return taken


def effects_wait() -> bool:
    """While the inbox has work, the worker's time belongs to it."""
    return WebhookEvent.objects.due(timezone.now()).exists()


def take_next() -> bool:
    """One event, one transaction: the locks of several customers at once would deadlock."""
    with transaction.atomic():
        due = WebhookEvent.objects.due_for_mirror(timezone.now())
        event = due.select_for_update(skip_locked=True).order_by("mirror_due_at", "id").first()
        if event is None:
            return False
        blacken_late(event)
        try:
            apply_to_mirror(event.payload)
        except Exception as error:  # noqa: BLE001 - whatever dj-stripe raises goes on the row
            note_failure(event, error)
        else:
            event.mirrored_at, event.mirror_error = timezone.now(), ""
        event.save(
            update_fields=["mirrored_at", "mirror_attempts", "mirror_due_at", "mirror_error"]
        )
    return True


def note_failure(event: WebhookEvent, error: Exception) -> None:
    event.mirror_attempts += 1
    event.mirror_error = "".join(traceback.format_exception(error))[-8000:].replace("\0", "")
    if event.mirror_attempts >= ATTEMPTS:
        event.mirror_due_at = None
        log.error("mirroring given up: %s", event.event_id, exc_info=error)
        return
    wait = min(10 * 4 ** (event.mirror_attempts - 1), LONGEST_WAIT)
    spread = random.uniform(0.8, 1.2)  # noqa: S311
    event.mirror_due_at = timezone.now() + timedelta(seconds=wait * spread)
    log.warning("mirroring put off: %s", event.event_id, exc_info=error)
