"""Taking events out of the inbox: each takes effect exactly once, in one transaction with its mark.

No order is assumed. One customer's events are taken one after the other (an advisory lock), and a
customer that another worker is busy with is left to it.
"""

from __future__ import annotations

import logging
import random
import traceback
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from billing.mails.outbox import gathered
from billing.providers import get_provider
from billing.providers.base import ProviderError
from billing.providers.facts import Fact
from billing.webhooks import cause
from billing.webhooks.models import WebhookEvent
from billing.webhooks.registry import NotOurs, Unclear, dispatch
from config.kit import request_id

log = logging.getLogger(__name__)
alarm = logging.getLogger("alarm")

BATCH = 100
# What fails by itself gets this many tries; what fails for the provider's sake, a day of them.
ATTEMPTS = 5
PATIENCE = timedelta(days=1)

Status = WebhookEvent.Status


def drain() -> int:
    """Takes what is due until nothing is left; returns how many events were taken."""
    total = 0
    while taken := take_batch():
        total += taken
    return total


def take_batch() -> int:
    unclear: list[tuple[int, Fact]] = []
    outcomes: dict[str, list[int]] = {Status.PROCESSED: [], Status.IGNORED: []}
    failed = 0
    with transaction.atomic():
        for event in mine(due_events()):
            try:
                outcomes[take(event)].append(event.pk)
            except Unclear as question:
                unclear.append((event.pk, question.fact))
            except Exception as error:  # noqa: BLE001 - the one place that may: it goes on the row
                note_failure(event, error)
                failed += 1
        mark(outcomes)
    for pk, fact in unclear:
        take_settled(pk, fact)
    return sum(map(len, outcomes.values())) + failed + len(unclear)


def due_events() -> list[WebhookEvent]:
    due = WebhookEvent.objects.due(timezone.now()).order_by("next_attempt_at", "id")
    return list(due.select_for_update(skip_locked=True)[:BATCH])


def mine(events: list[WebhookEvent]) -> list[WebhookEvent]:
    """Those whose subject no other worker holds; their locks last until the commit."""
    subjects = {event.pk: subject(event) for event in events}
    if not subjects:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s FROM unnest(%s::text[]) s"
            " WHERE pg_try_advisory_xact_lock(hashtextextended(s, 0))",
            [sorted(set(subjects.values()))],
        )
        held = {row[0] for row in cursor.fetchall()}
    return [event for event in events if subjects[event.pk] in held]


def subject(event: WebhookEvent) -> str:
    try:
        return subject_key(event.provider, get_provider(event.provider).subject(event.payload))
    except (KeyError, TypeError, AttributeError):
        return f"event:{event.pk}"  # unreadable: it will fail by itself, alone


def subject_key(provider: str, subject_id: str) -> str:
    # PostgreSQL's text holds no NUL, and a lock's name may be any other.
    return f"{provider}:{subject_id}".replace("\0", "")


def hold_subject(provider: str, subject_id: str) -> None:
    """For other doors to the same effects: waits for the worker, inside their transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [subject_key(provider, subject_id)],
        )


def take(event: WebhookEvent, facts: list[Fact] | None = None) -> str:
    """The event's effects, all or none. Raises Unclear and whatever a rule raises."""
    token = request_id.current.set(event.request_id)
    because = cause.current.set(event.event_id)
    try:
        with transaction.atomic(), gathered():
            told = list(
                get_provider(event.provider).facts(event.payload) if facts is None else facts
            )
            for fact in told:
                dispatch(fact)
        return Status.PROCESSED if told else Status.IGNORED
    except NotOurs:
        return Status.IGNORED
    finally:
        cause.current.reset(because)
        request_id.current.reset(token)


def take_settled(pk: int, fact: Fact) -> None:
    """Asks the provider with nothing locked, then takes the event with what it answered."""
    try:
        facts = get_provider(fact.provider).settle(fact)
    except Exception as error:  # noqa: BLE001 - as in take_batch: an answer may be unreadable too
        with transaction.atomic():
            for event in mine(unless_taken(pk)):
                note_failure(event, error)
        return
    with transaction.atomic():
        for event in mine(unless_taken(pk)):
            try:
                mark({take(event, facts): [event.pk]})
            except Exception as error:  # noqa: BLE001 - as in take_batch
                note_failure(event, error)


def unless_taken(pk: int) -> list[WebhookEvent]:
    waiting = WebhookEvent.objects.filter(pk=pk, status=Status.RECEIVED)
    return list(waiting.select_for_update(skip_locked=True))


def mark(outcomes: dict[str, list[int]]) -> None:
    """One statement per outcome, in the transaction of the effects."""
    now = timezone.now()
    for status, keys in outcomes.items():
        if keys:
            WebhookEvent.objects.filter(pk__in=keys).update(
                status=status, processed_at=now, attempts=F("attempts") + 1, error=""
            )


def note_failure(event: WebhookEvent, error: Exception) -> None:
    now = timezone.now()
    event.attempts += 1
    event.error = "".join(traceback.format_exception(error))[-8000:].replace("\0", "")
    waits_for_provider = isinstance(error, ProviderError) and error.retry
    given_up = (
        now - event.received_at > PATIENCE if waits_for_provider else event.attempts >= ATTEMPTS
    )
    if given_up:
        event.status = Status.FAILED
        alarm.error(
            "webhook event given up",
            extra={"event_id": event.event_id, "type": event.type, "attempts": event.attempts},
        )
    else:
        event.next_attempt_at = now + backoff(event.attempts)
        log.warning("webhook event put back: %s", event.event_id, exc_info=error)
    event.save(update_fields=["attempts", "error", "status", "next_attempt_at"])


def backoff(attempts: int) -> timedelta:
    """1, 3, 9, 27 … seconds, at most ten minutes, spread by a fifth."""
    seconds = min(3 ** (attempts - 1), 600) * random.uniform(0.8, 1.2)  # noqa: S311
    return timedelta(seconds=seconds)


def replay(event: WebhookEvent) -> None:
    """Puts an event back into the inbox, whatever became of it. Its effects still happen once."""
    if event.status != Status.RECEIVED:
        event.move_to(
            Status.RECEIVED, attempts=0, error="", next_attempt_at=timezone.now(), processed_at=None
        )
