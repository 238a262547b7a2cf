from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from billing.models import Entitlement


class APIKeyQuerySet(models.QuerySet["APIKey"]):
    def there(self, at: datetime) -> APIKeyQuerySet:
        """Neither revoked nor run out: those that can still be used one day."""
        return self.exclude(status=APIKey.Status.REVOKED).filter(
            Q(expires_at=None) | Q(expires_at__gt=at)
        )

    def usable(self, at: datetime) -> APIKeyQuerySet:
        """With how often the best plan that the owner holds now lets it ask."""
        held = Entitlement.objects.in_force(at).filter(user=OuterRef("user"))
        allowance = held.order_by("-plan__rank").values("plan__requests_per_minute")[:1]
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=at),
            status=APIKey.Status.ACTIVE,
            user__is_active=True,
        ).annotate(allowance=Subquery(allowance))


class APIKey(models.Model):
    """A program's credential. Its secret is nowhere: not here, and not before it is revealed."""

    class Status(models.TextChoices):
        UNREVEALED = "unrevealed"
        ACTIVE = "active"
        # Until its owner has access again.
        SUSPENDED = "suspended"
        REVOKED = "revoked"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys"
    )
    name = models.CharField(max_length=100)
    key_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)
    prefix = models.CharField(max_length=20, blank=True)
    scopes = models.JSONField(default=list)
    status = models.CharField(max_length=20, choices=Status, default=Status.ACTIVE)
    # The one that the first payment made.
    from_payment = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Of the one that a payment made: before that nobody had it.
    revealed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # To the minute: a write per request would cost more than the request.
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    # The last warning of the end, in days before it.
    warned_days = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoke_reason = models.CharField(max_length=200, blank=True)
    successor = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="predecessor"
    )

    # Requests per minute, where `usable()` looked for it.
    allowance: int | None

    objects = APIKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        permissions = [("revoke_apikey", "Can revoke an API key")]
        constraints = [
            models.UniqueConstraint(
                "user", condition=Q(from_payment=True), name="one_key_made_by_payment"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["unrevealed", "revoked"]) | Q(key_hash__isnull=False),
                name="no_key_in_use_without_hash",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="api_keys_of_user"),
            models.Index(
                fields=["expires_at"],
                condition=Q(status="active") & Q(expires_at__isnull=False),
                name="api_keys_ending",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix or self.get_status_display().lower()})"

    def is_there(self, at: datetime) -> bool:
        return self.status != self.Status.REVOKED and (
            self.expires_at is None or at < self.expires_at
        )

    def is_known(self, at: datetime) -> bool:
        """Whether anybody had its secret by then."""
        return self.key_hash is not None and (self.revealed_at is None or self.revealed_at <= at)

    @property
    def is_expired(self) -> bool:
        return self.status != self.Status.REVOKED and not self.is_there(timezone.now())
