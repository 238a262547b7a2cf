from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.models.catalogue import Plan


class EntitlementQuerySet(models.QuerySet["Entitlement"]):
    def in_force(self, at: datetime) -> EntitlementQuerySet:
        return self.filter(Entitlement.holds(at))


class Entitlement(models.Model):
    """The right to use a plan, from one source, for a span of time. What ended stays: a right that
    comes back, or moves to another plan, is a new row."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="entitlements"
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="entitlements")
    # `subscription:<id>` or `order:<id>`: what gives the right.
    source = models.CharField(max_length=100)
    granted_at = models.DateTimeField()
    # The provider's event that gave it or took it; empty where we asked by ourselves.
    granted_by = models.CharField(max_length=255, blank=True)
    # The end of a grace period; the right ends then, whether or not anybody looks.
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=255, blank=True)
    revoke_reason = models.CharField(max_length=60, blank=True)

    objects = EntitlementQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                "source", condition=Q(revoked_at=None), name="one_open_entitlement_per_source"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["user"], name="entitlements_of_user"),
            models.Index(fields=["source"], name="entitlements_of_source"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} for {self.user}"

    @property
    def origin(self) -> tuple[str, UUID]:
        kind, _, key = self.source.partition(":")
        return kind, UUID(key)

    def held_at(self, at: datetime) -> bool:
        """Also of a time that is past."""
        if at < self.granted_at or (self.revoked_at is not None and self.revoked_at <= at):
            return False
        return self.expires_at is None or at < self.expires_at

    @staticmethod
    def holds(at: datetime, prefix: str = "") -> Q:
        not_over = Q(**{f"{prefix}expires_at": None}) | Q(**{f"{prefix}expires_at__gt": at})
        return Q(**{f"{prefix}revoked_at": None}) & not_over


class OverrideQuerySet(models.QuerySet["EntitlementOverride"]):
    def held_at(self, at: datetime) -> OverrideQuerySet:
        ends_later = Q(until=None) | Q(until__gt=at)
        return self.filter(ends_later, Q(ended_at=None) | Q(ended_at__gt=at), created_at__lte=at)


class EntitlementOverride(models.Model):
    """An exception that staff make for one person, from its making until its end."""

    class Kind(models.TextChoices):
        FEATURE = "feature"
        QUOTA = "quota"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="overrides"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    # A feature, or a usage type.
    name = models.CharField(max_length=50)
    # Of a feature: whether the person has it. Quotas have it always.
    allowed = models.BooleanField(default=True)
    # Of a quota: how much per period, null for no limit.
    limit = models.BigIntegerField(null=True, blank=True)
    # Ends then by itself; null: when somebody ends it.
    until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    end_reason = models.CharField(max_length=300, blank=True)

    objects = OverrideQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                "user", "kind", "name", condition=Q(ended_at=None), name="one_open_override"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="override_has_a_reason"),
            models.CheckConstraint(
                condition=Q(limit=None) | Q(limit__gte=0, kind="quota"),
                name="override_limit_is_of_a_quota",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.words} for {self.user}"

    @property
    def words(self) -> str:
        if self.kind == self.Kind.FEATURE:
            return f"{'with' if self.allowed else 'without'} {self.name}"
        return f"{self.name}: {'no limit' if self.limit is None else self.limit}"

    def holds(self, at: datetime) -> bool:
        return self.ended_at is None and (self.until is None or at < self.until)
