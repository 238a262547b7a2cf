from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.kit.ids import new_id
from config.kit.states import Moves


class ErasureQuerySet(models.QuerySet["Erasure"]):
    def due(self, at: datetime) -> ErasureQuerySet:
        return self.exclude(status=Erasure.Status.DONE).filter(due_at__lte=at)


class Erasure(Moves):
    """The end of an account, and its receipt: what went, and what the law keeps. It names nobody:
    the person's row has no name any more."""

    class Status(models.TextChoices):
        REQUESTED = "requested"
        # The law, or money that is under way, keeps the data for a while.
        HELD = "held"
        ERASED = "erased"
        # The last mail is sent, and its address forgotten.
        DONE = "done"

    MOVES = {
        Status.REQUESTED: frozenset({Status.HELD, Status.ERASED}),
        Status.HELD: frozenset({Status.ERASED}),
        Status.ERASED: frozenset({Status.DONE}),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="erasure"
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.REQUESTED)
    # Why it waits, in words.
    held_for = models.JSONField(default=list)
    # What could not be done yet, and the traceback of the last try.
    attempts = models.PositiveIntegerField(default=0)
    trouble = models.TextField(blank=True)
    due_at = models.DateTimeField(default=timezone.now)
    went = models.JSONField(default=dict)
    kept = models.JSONField(default=list)
    requested_at = models.DateTimeField(default=timezone.now)
    erased_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = ErasureQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["due_at"], condition=~Q(status="done"), name="erasures_due"),
        ]

    def __str__(self) -> str:
        return f"Erasure {self.pk}"
