from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.models.catalogue import Plan


class EntitlementQuerySet(models.QuerySet["Entitlement"]):
    def in_force(self, at: datetime) -> EntitlementQuerySet:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None)


class Entitlement(models.Model):
    """The right to use a plan, from one source."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="entitlements"
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="entitlements")
    # `subscription:<id>` or `order:<id>`: what gives the right.
    source = models.CharField(max_length=100, unique=True)
    granted_at = models.DateTimeField()
    # The end of a grace period; the right ends then, whether or not anybody looks.
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoke_reason = models.CharField(max_length=60, blank=True)

    objects = EntitlementQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user"], name="entitlements_of_user")]

    def __str__(self) -> str:
        return f"{self.plan} for {self.user}"
