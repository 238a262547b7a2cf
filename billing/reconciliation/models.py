from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q


class Run(models.Model):
    """One comparison of our rows with the provider's. Its stage and cursor are saved after each
    page, so that one that was killed goes on from there."""

    class Stage(models.TextChoices):
        EVENTS = "events"
        SUBSCRIPTIONS = "subscriptions"
        PAYMENTS = "payments"
        ENTITLEMENTS = "entitlements"
        DONE = "done"

    provider = models.CharField(max_length=20)
    # Null: everything there is.
    since = models.DateTimeField(null=True, blank=True)
    fix = models.BooleanField(default=False)
    stage = models.CharField(max_length=20, choices=Stage, default=Stage.EVENTS)
    cursor = models.CharField(max_length=255, blank=True)
    events_seen = models.PositiveIntegerField(default=0)
    events_recovered = models.PositiveIntegerField(default=0)
    objects_seen = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    repaired = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    # The last sign of life; a run that is silent may be taken over.
    seen_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["provider"], condition=Q(finished_at=None), name="reconciliations_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.started_at:%Y-%m-%d %H:%M}"


class Difference(models.Model):
    """One thing that we and the provider tell differently."""

    class Status(models.TextChoices):
        OPEN = "open"
        REPAIRED = "repaired"
        IGNORED = "ignored"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="differences")
    provider = models.CharField(max_length=20)
    kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=255)
    ours = models.CharField(max_length=300)
    theirs = models.CharField(max_length=300)
    cause = models.CharField(max_length=100)
    status = models.CharField(max_length=20, choices=Status, default=Status.OPEN)
    # What was done about it, or why nothing could be.
    repair = models.CharField(max_length=300, blank=True)
    found_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            # What staff chose to ignore is not found anew each night.
            models.UniqueConstraint(
                "provider",
                "kind",
                "object_id",
                condition=Q(status__in=["open", "ignored"]),
                name="one_open_difference",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["status", "-id"], name="differences_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
