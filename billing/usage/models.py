from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class QuotaSet(models.Model):
    """How much a tier allows per period; a few rows, told by the catalogue."""

    tier = models.SlugField(primary_key=True)
    # Usage type → how much per period; null is no limit.
    limits = models.JSONField(default=dict)
    # Usage types that are counted on beyond their limit.
    soft = models.JSONField(default=list)
    # For everybody who was told nothing of their own.
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                "is_default", condition=Q(is_default=True), name="one_default_quota_set"
            ),
        ]

    def __str__(self) -> str:
        return self.tier


class Allowance(models.Model):
    """What was told about one person: their tier, when their periods begin, and exceptions."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    # Empty: the default one.
    tier = models.SlugField(blank=True)
    # From then on the default tier's quotas count, whether or not anybody looks.
    expires_at = models.DateTimeField(null=True, blank=True)
    # Periods are counted in months from here; null: months of the calendar.
    anchor = models.DateTimeField(null=True, blank=True)
    # Usage type → {"limit": n or null, "until": instant or null}.
    overrides = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"{self.tier or 'default'} for {self.user}"


class Counter(models.Model):
    """How much one person used in one period. Its row lock is what makes a limit exact."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="usage_counters"
    )
    usage_type = models.CharField(max_length=50)
    period_start = models.DateTimeField()
    used = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                "user", "usage_type", "period_start", name="one_counter_per_period"
            ),
            models.CheckConstraint(condition=Q(used__gte=0), name="used_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.used} × {self.usage_type} of {self.user}"


def person(**options: Any) -> models.ForeignKey[Any, Any]:
    """Without a constraint of its own: the counter's row, which is there first, has it. Checking it
    again would lock the person's row once per event."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
        **options,
    )


class UsageEvent(models.Model):
    """One thing that was counted, with the answer that it got. Never changed."""

    user = person()
    # The caller's own name for it; a second one of the same name is not counted.
    event_id = models.CharField(max_length=255, null=True, blank=True)
    usage_type = models.CharField(max_length=50)
    amount = models.BigIntegerField()
    metadata = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    used = models.BigIntegerField()
    limit = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                "user", "event_id", condition=~Q(event_id=None), name="one_count_per_event_id"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="usage_above_zero"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["user", "-id"], name="usage_events_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} × {self.usage_type}"


class DailyUsage(models.Model):
    """The history: what was used on a day (UTC). Corrections count on the day they are made."""

    user = person()
    usage_type = models.CharField(max_length=50)
    day = models.DateField()
    amount = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint("user", "usage_type", "day", name="one_row_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.amount} × {self.usage_type}"


class Threshold(models.Model):
    """That a person reached a part of a quota: once per period, so that they are told once."""

    user = person()
    usage_type = models.CharField(max_length=50)
    period_start = models.DateTimeField()
    percent = models.PositiveSmallIntegerField()
    limit = models.BigIntegerField()
    used = models.BigIntegerField()
    at = models.DateTimeField()
    # Null: nobody has told the person yet.
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                "user", "usage_type", "period_start", "percent", name="one_crossing_per_period"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["id"], condition=Q(mailed_at=None), name="thresholds_to_mail"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.usage_type} by {self.user}"


class Correction(models.Model):
    """What staff added to or took from a counter, and why. The database refuses to change one."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    usage_type = models.CharField(max_length=50)
    period_start = models.DateTimeField()
    amount = models.BigIntegerField()
    # What the counter showed afterwards.
    used = models.BigIntegerField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(amount=0), name="correction_corrects"),
            models.CheckConstraint(condition=~Q(reason=""), name="correction_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+} × {self.usage_type} of {self.user}"
