from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.kit.money import Money

# A run that gave no sign of life for this long has lost its process, and may be taken over.
SILENT = timedelta(minutes=10)
EVENTS, DONE = "events", "done"


class RunQuerySet(models.QuerySet["Run"]):
    def unfinished(self) -> RunQuerySet:
        return self.filter(finished_at=None)

    def looked(self) -> RunQuerySet:
        """Those that came to their end."""
        return self.filter(stage=DONE).exclude(finished_at=None)


class Run(models.Model):
    """One comparison of our rows with the provider's. Its stage and cursor are saved after each
    page, so that one that was killed goes on from there."""

    class Scope(models.TextChoices):
        ALL = "all", "Everything"
        RECENT = "recent", "The recent past"
        CUSTOMER = "customer", "One customer"

    provider = models.CharField(max_length=20)
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.ALL)
    # The provider's id of the one customer whom it is about.
    customer = models.CharField(max_length=255, blank=True)
    # Null: everything there is.
    since = models.DateTimeField(null=True, blank=True)
    fix = models.BooleanField(default=False)
    # The name of a comparer, or what comes before and after them.
    stage = models.CharField(max_length=20, default=EVENTS)
    cursor = models.CharField(max_length=255, blank=True)
    events_seen = models.PositiveIntegerField(default=0)
    events_recovered = models.PositiveIntegerField(default=0)
    objects_seen = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    repaired = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    # Nobody: it was its time.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Why it does not get on, or was given up.
    trouble = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField()
    # The last sign of life of the process that carries it on; null while none does.
    seen_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["provider"], condition=Q(finished_at=None), name="reconciliations_open"
            ),
            models.Index(
                fields=["customer", "-id"],
                condition=~Q(customer=""),
                name="reconciliations_of_customer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} at {self.provider}, {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def standing(self) -> str:
        if self.finished_at is not None:
            return "finished" if self.stage == DONE else "given_up"
        alive = self.seen_at is not None and timezone.now() - self.seen_at < SILENT
        return "running" if alive else "waiting"

    @property
    def progress(self) -> str:
        """The same in words, with where it is and why it does not get on."""
        words = self.standing.replace("_", " ").capitalize()
        if self.finished_at is None:
            words += f", at the {self.stage}"
        return f"{words}: {self.trouble}" if self.trouble else words


class DifferenceQuerySet(models.QuerySet["Difference"]):
    def open(self) -> DifferenceQuerySet:
        return self.filter(status=Difference.Status.OPEN)

    def lasting(self) -> DifferenceQuerySet:
        """Those that are still there, whether or not somebody minds."""
        return self.filter(status__in=[Difference.Status.OPEN, Difference.Status.IGNORED])


class Difference(models.Model):
    """One thing that we and the provider tell differently."""

    class Status(models.TextChoices):
        OPEN = "open"
        REPAIRED = "repaired"
        GONE = "gone", "gone by itself"
        IGNORED = "ignored"

    class Cause(models.TextChoices):
        """What the evidence says; where it says nothing, unknown."""

        MISSED = "missed_event", "No event of it came"
        DEAD_LETTER = "dead_letter", "Its event was given up"
        SET_ASIDE = "set_aside", "Its event was put aside"
        NO_EFFECT = "no_effect", "Its event had no effect"
        CHANGED_THERE = "changed_there", "Changed at the provider, by no call of ours"
        CHANGED_HERE = "changed_here", "Changed here, by no event"
        SHAPE = "unknown_shape", "A shape that we cannot read"
        OTHERS = "others", "The sum of other differences"
        UNKNOWN = "unknown", "Unknown"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="differences")
    provider = models.CharField(max_length=20)
    kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=255)
    # Whose it is, by the provider's id, where that is known.
    customer = models.CharField(max_length=255, blank=True)
    ours = models.CharField(max_length=300)
    theirs = models.CharField(max_length=300)
    # By how much the provider's books are above ours for it, where it is about money in them.
    apart = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    cause = models.CharField(max_length=100, choices=Cause, default=Cause.UNKNOWN)
    # What the cause is derived from, in words.
    evidence = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.OPEN)
    # What was done about it, or why nothing could be.
    repair = models.CharField(max_length=300, blank=True)
    found_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    # The run that did not find it any more, or repaired it.
    closed_by = models.ForeignKey(
        Run, on_delete=models.PROTECT, null=True, blank=True, related_name="closed"
    )
    # Who said that it is to be left as it is, or had it repaired.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = DifferenceQuerySet.as_manager()

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
            models.Index(fields=["kind", "-id"], name="differences_by_kind"),
            models.Index(
                fields=["customer", "-id"],
                condition=~Q(customer=""),
                name="differences_of_customer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.words} {self.object_id}"

    @property
    def words(self) -> str:
        return self.kind.replace("_", " ")

    @property
    def money(self) -> Money | None:
        return None if self.apart is None else Money(self.apart, self.currency)


class Match(models.Model):
    """Which line of the provider's books a transfer of ours stands for. What has none is asked
    about, so that nothing in either books is without its other side."""

    provider = models.CharField(max_length=20)
    reference = models.CharField(max_length=255)
    movement_id = models.CharField(max_length=255)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint("provider", "reference", name="one_match_per_transfer"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} is {self.movement_id}"
