from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from billing.models.catalogue import Price
from billing.models.subscriptions import Subscription


class SubscriptionEvent(models.Model):
    """What changed in a subscription's life, and who wanted it. Never changed or removed."""

    class Kind(models.TextChoices):
        BEGAN = "began"
        PLAN_CHANGED = "plan_changed"
        CHANGE_PLANNED = "change_planned"
        CHANGE_DROPPED = "change_dropped"
        CHANGE_AWAITED = "change_awaited"
        CANCELED = "canceled"
        REACTIVATED = "reactivated"
        PAUSED = "paused"
        RESUMED = "resumed"
        RENEWED = "renewed"
        TRIAL_ENDED = "trial_ended"
        TRIAL_EXTENDED = "trial_extended"
        PAYMENT_FAILED = "payment_failed"
        RECOVERED = "recovered"
        ENDED = "ended"
        # Any other step from one of the provider's statuses to another.
        STATUS_CHANGED = "status_changed"

    class By(models.TextChoices):
        CUSTOMER = "customer"
        STAFF = "staff"
        PLATFORM = "platform"
        PROVIDER = "provider"

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="history")
    kind = models.CharField(max_length=20, choices=Kind)
    # When it became so: the provider's time, by which the rows are ordered.
    at = models.DateTimeField()
    # The names that changed, with what they were and are.
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    by = models.CharField(max_length=10, choices=By)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # The provider's event that told; empty where we asked by ourselves.
    told_by = models.CharField(max_length=255, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-id"]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["subscription", "-at", "-id"], name="history_of_subscription"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at:%Y-%m-%d %H:%M}"


class ChangeQuote(models.Model):
    """What a change of plan was last shown to cost: confirmed in time, it costs just that."""

    subscription = models.OneToOneField(
        Subscription, on_delete=models.CASCADE, primary_key=True, related_name="quote"
    )
    price = models.ForeignKey(Price, on_delete=models.CASCADE)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    # The provider's instant that the difference was counted from.
    counted_from = models.DateTimeField(null=True)
    shown_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.price} for {self.amount} {self.currency}"
