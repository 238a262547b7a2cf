from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from config.kit.ids import new_id
from config.kit.states import Moves, StaleState

# A call of ours is over in ten seconds. What is still under way after this died with its process.
LONGEST_CALL = timedelta(minutes=1)


class OperationQuerySet(models.QuerySet["Operation"]):
    def open(self) -> OperationQuerySet:
        return self.filter(status__in=Operation.OPEN)

    def due(self, at: datetime) -> OperationQuerySet:
        """What was never answered, and is to be looked into by ourselves."""
        return self.open().filter(due_at__lte=at, needs_human_at=None)

    def waiting_for_a_human(self) -> OperationQuerySet:
        return self.open().exclude(needs_human_at=None)


class Operation(Moves):
    """Something that a provider is to change for us. Committed before the call; its id is the
    call's idempotency key and travels in the metadata of what the call makes."""

    class Status(models.TextChoices):
        REQUESTED = "requested"
        SUBMITTING = "submitting"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        UNKNOWN = "unknown"

    OPEN = (Status.REQUESTED, Status.SUBMITTING, Status.UNKNOWN)
    # Requested again: the call was never sent. Failed, then succeeded: of two who asked with one
    # key, the one that was answered is right.
    MOVES = {
        Status.REQUESTED: frozenset({Status.SUBMITTING, Status.FAILED}),
        Status.SUBMITTING: frozenset(
            {Status.REQUESTED, Status.SUCCEEDED, Status.FAILED, Status.UNKNOWN}
        ),
        Status.UNKNOWN: frozenset({Status.SUBMITTING, Status.SUCCEEDED, Status.FAILED}),
        Status.FAILED: frozenset({Status.SUCCEEDED}),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=60)
    provider = models.CharField(max_length=20)
    # What it is done to, as text: rooms do not know the rows of others.
    subject = models.CharField(max_length=120)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="operations"
    )
    # All that the call is made of, so that a repetition is the same to the letter.
    wishes = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.REQUESTED)
    attempts = models.PositiveIntegerField(default=0)
    # What the provider made, or what it changed.
    provider_id = models.CharField(max_length=255, blank=True)
    # What whoever asked is told, and what is for staff alone: the provider's words, or a traceback.
    error = models.TextField(blank=True)
    # The provider's code for its no.
    reason = models.CharField(max_length=80, blank=True)
    words = models.TextField(blank=True)
    # Which kind of no it was, so that whoever asks again is told the same.
    refusal = models.CharField(max_length=60, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    submitted_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    needs_human_at = models.DateTimeField(null=True, blank=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                "kind",
                "subject",
                condition=Q(status__in=["requested", "submitting", "unknown"]),
                name="one_open_operation_per_subject",
            ),
            models.UniqueConstraint("user", "idempotency_key", name="one_operation_per_key"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["due_at"],
                condition=Q(status__in=["requested", "submitting", "unknown"], needs_human_at=None),
                name="operations_due",
            ),
            models.Index(fields=["subject", "-id"], name="operations_of_subject"),
            models.Index(fields=["user", "-id"], name="operations_of_user"),
            models.Index(fields=["status", "-id"], name="operations_by_status"),
            models.Index(fields=["provider", "provider_id"], name="operations_by_provider_id"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def may_have_happened(self) -> bool:
        """A call was begun at least once, so the provider is asked before it is made again."""
        return self.attempts > 0

    def begin_attempt(self) -> None:
        """Makes the call ours alone. Raises StaleState when somebody else has begun or ended it."""
        now = timezone.now()
        untouched = Operation.objects.filter(
            pk=self.pk, status=self.status, attempts=self.attempts, submitted_at=self.submitted_at
        )
        if not self.is_open:
            raise StaleState()
        if self.status == self.Status.SUBMITTING:
            untouched = untouched.filter(due_at__lte=now)
        begun = untouched.update(
            status=self.Status.SUBMITTING,
            attempts=F("attempts") + 1,
            submitted_at=now,
            due_at=now + LONGEST_CALL,
        )
        if not begun:
            raise StaleState()
        self.status, self.submitted_at = self.Status.SUBMITTING, now
        self.attempts += 1
