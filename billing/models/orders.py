from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.models.catalogue import Price
from config.kit.ids import new_id
from config.kit.money import Money
from config.kit.states import Moves


class Customer(models.Model):
    """A user as a provider knows them. The row exists before the provider is asked."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="customers"
    )
    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=255, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint("user", "provider", name="one_customer_per_provider"),
            models.UniqueConstraint("provider", "provider_id", name="one_user_per_customer_id"),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.provider}"


class Order(Moves):
    """The intent to buy. Committed before the provider is called, its id is the call's key."""

    class Status(models.TextChoices):
        PENDING = "pending"
        COMPLETED = "completed"
        FAILED = "failed"
        EXPIRED = "expired"

    # A session that was given up can still be paid at the provider a moment later.
    MOVES = {
        Status.PENDING: frozenset({Status.COMPLETED, Status.FAILED, Status.EXPIRED}),
        Status.FAILED: frozenset({Status.COMPLETED}),
        Status.EXPIRED: frozenset({Status.COMPLETED}),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Without an index of its own: `orders_of_user` begins with it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="orders")
    conversation = models.ForeignKey(
        "billing.Conversation",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
    )
    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=255, null=True, blank=True)
    url = models.TextField(blank=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    trial_days = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    # The provider's word on a completed one: paid, or no_payment_required.
    payment_status = models.CharField(max_length=30, blank=True)
    success_url = models.TextField()
    cancel_url = models.TextField()
    # The caller's Idempotency-Key and what it stood for, to give the same answer again.
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    # Of a plan for good, until the subscription that it replaces has been ended.
    ends_lesser = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True)
    # The API key that this payment made; written by those above, who know what a key is.
    api_key_id = models.BigIntegerField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint("provider", "provider_id", name="one_order_per_checkout"),
            models.UniqueConstraint("user", "idempotency_key", name="one_order_per_key"),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="orders_of_user"),
            models.Index(fields=["status", "-id"], name="orders_by_status"),
            models.Index(
                fields=["created_at"], condition=Q(status="pending"), name="orders_pending"
            ),
            models.Index(
                fields=["completed_at"],
                condition=Q(status="completed", ends_lesser=True),
                name="orders_ending_lesser",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.price} for {self.user}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
