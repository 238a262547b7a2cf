"""Telling another system of somebody's access, at least once and in each person's order."""

from __future__ import annotations

import json
import logging
import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.provisioning.models import DeliveryAttempt, Message
from billing.provisioning.sending import Outcome, send

alarm = logging.getLogger("alarm")

BATCH = 16
PATIENCE = timedelta(hours=24)
# Longer than any attempt takes: what is claimed longer than this was claimed by somebody killed.
CLAIM = timedelta(seconds=60)
SLOWEST = timedelta(hours=1)

Status = Message.Status


def is_wanted() -> bool:
    return bool(settings.PROVISIONING_WEBHOOK_URL)


def tell(*, about: str, kind: str, user_id: int, data: dict[str, Any], at: datetime) -> None:
    """Safe to repeat: once for each `about` and kind. Must run inside the transaction of what it
    tells of, and after that has locked something of the person, so that numbers follow time."""
    if not is_wanted():
        return
    body = {"type": kind, "timestamp": wire_time(at), "data": data}
    message = Message(
        message_id=f"msg_{uuid.uuid4().hex}",
        about=about,
        type=kind,
        user_id=user_id,
        body=json.dumps(body, separators=(",", ":")),
        created_at=at,
        next_attempt_at=at,
        give_up_at=at + PATIENCE,
    )
    Message.objects.bulk_create([message], ignore_conflicts=True)


def wire_time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def deliver_due() -> int:
    """Claims what is due, sends with nothing locked, and writes down what came of it."""
    claimed = claim()
    if claimed:
        with ThreadPoolExecutor(max_workers=len(claimed)) as pool:
            # The threads only speak to the network; rows are this thread's.
            sent = [(each, pool.submit(attempt, each)) for each in claimed]
            for message, answer in sent:
                note(message, answer.result())
    return len(claimed)


def attempt(message: Message) -> Outcome:
    return send(message.message_id, message.body, timezone.now())


@transaction.atomic
def claim() -> list[Message]:
    now = timezone.now()
    due = Message.objects.due(now).order_by("next_attempt_at", "id")
    messages = list(due.select_for_update(skip_locked=True, of=("self",))[:BATCH])
    for message in messages:
        message.claimed_until = now + CLAIM
    Message.objects.bulk_update(messages, ["claimed_until"])
    return messages


@transaction.atomic
def note(message: Message, outcome: Outcome) -> None:
    """Of two who sent the same message, because one was thought dead, both attempts are kept, and
    the one that still holds the claim decides."""
    now = timezone.now()
    DeliveryAttempt.objects.create(
        message=message,
        at=now,
        latency_ms=outcome.latency_ms,
        status_code=outcome.status_code,
        error=outcome.error,
        excerpt=outcome.excerpt,
    )
    tries = message.tries + 1
    changes: dict[str, Any] = {"tries": tries, "claimed_until": None}
    if outcome.delivered:
        changes |= {"status": Status.DELIVERED, "delivered_at": now}
    elif now >= message.give_up_at:
        changes |= {"status": Status.DEAD}
    else:
        # The last try is at the end itself, not somewhere before it.
        changes |= {"next_attempt_at": min(now + backoff(tries), message.give_up_at)}
    mine = Message.objects.filter(
        pk=message.pk, status=Status.PENDING, claimed_until=message.claimed_until
    )
    if mine.update(**changes) and changes.get("status") == Status.DEAD:
        transaction.on_commit(partial(cry, message, outcome))


def cry(message: Message, outcome: Outcome) -> None:
    alarm.error(
        "access message given up: %s",
        outcome.error,
        extra={"message_id": message.message_id, "type": message.type, "about": message.about},
    )


def backoff(tries: int) -> timedelta:
    """5 s, 15 s, 45 s … at most an hour, spread by a fifth."""
    seconds = min(5.0 * 3 ** min(tries - 1, 10), SLOWEST.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311


def send_again(message: Message) -> None:
    """The same message with the same id, for another day. Raises ForbiddenMove, StaleState."""
    now = timezone.now()
    message.move_to(
        Status.PENDING, tries=0, next_attempt_at=now, give_up_at=now + PATIENCE, claimed_until=None
    )


def state() -> dict[str, int]:
    """For the sweep: what is late, and what was given up."""
    late = Message.objects.filter(status=Status.PENDING, next_attempt_at__lte=timezone.now())
    return {
        "access_messages_waiting": late.count(),
        "access_messages_given_up": Message.objects.filter(status=Status.DEAD).count(),
    }
