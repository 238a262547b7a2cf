from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now

from config.kit.states import Moves


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    def due(self, at: datetime) -> WebhookEventQuerySet:
        return self.filter(status=WebhookEvent.Status.RECEIVED, next_attempt_at__lte=at)

    def due_for_mirror(self, at: datetime) -> WebhookEventQuerySet:
        settled = [WebhookEvent.Status.PROCESSED, WebhookEvent.Status.IGNORED]
        return self.filter(
            provider="stripe", status__in=settled, mirrored_at=None, mirror_due_at__lte=at
        )


class WebhookEvent(Moves):
    """One event of a provider, stored before it is answered and processed exactly once."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        PROCESSED = "processed"
        IGNORED = "ignored"
        FAILED = "failed"

    MOVES = {
        Status.RECEIVED: frozenset({Status.PROCESSED, Status.IGNORED, Status.FAILED}),
        Status.FAILED: frozenset({Status.RECEIVED}),
        Status.IGNORED: frozenset({Status.RECEIVED}),
        Status.PROCESSED: frozenset({Status.RECEIVED}),
    }

    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=120)
    # As it was signed, byte for byte. Text, not jsonb: a NUL that Stripe escapes in its JSON must
    # not become an event that can never be stored.
    body = models.TextField()
    request_id = models.CharField(max_length=128, blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    error = models.TextField(blank=True)
    received_at = models.DateTimeField(db_default=Now())
    processed_at = models.DateTimeField(null=True, blank=True)

    # The mirror of Stripe's objects is fed after the effects, and may fail by itself.
    mirrored_at = models.DateTimeField(null=True, blank=True)
    mirror_attempts = models.PositiveSmallIntegerField(db_default=0)
    # Null: given up.
    mirror_due_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    mirror_error = models.TextField(blank=True, db_default="")

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint("provider", "event_id", name="one_row_per_provider_event"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=models.Q(status="received"),
                name="inbox_due",
            ),
            models.Index(
                fields=["mirror_due_at", "id"],
                condition=models.Q(
                    mirrored_at=None, provider="stripe", status__in=["processed", "ignored"]
                ),
                name="inbox_unmirrored",
            ),
            models.Index(fields=["status", "-id"], name="inbox_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"

    @cached_property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = json.loads(self.body)
        return payload


class WorkerBeat(models.Model):
    """That a worker is alive, told by itself every few seconds."""

    name = models.CharField(max_length=200, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"


class Forgotten(models.Model):
    """An object of a provider about a person whose events are to keep nothing personal."""

    provider = models.CharField(max_length=20)
    subject = models.CharField(max_length=255)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint("provider", "subject", name="one_row_per_forgotten_subject"),
        ]

    def __str__(self) -> str:
        return self.subject
