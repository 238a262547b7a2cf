from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.models.orders import Order
from billing.models.subscriptions import Subscription
from config.kit.ids import new_id
from config.kit.money import Money
from config.kit.states import Moves


class PaymentQuerySet(models.QuerySet["Payment"]):
    def paid(self) -> PaymentQuerySet:
        return self.filter(status__in=Payment.PAID)


class Payment(Moves):
    """Money of a user that a provider was asked for: one row per payment intent."""

    class Status(models.TextChoices):
        PENDING = "pending"
        PROCESSING = "processing"
        SUCCEEDED = "succeeded"
        HELD = "held"
        RELEASED = "released"
        FAILED = "failed"
        CANCELED = "canceled"
        PARTIALLY_REFUNDED = "partially_refunded"
        REFUNDED = "refunded"
        DISPUTED = "disputed"

    PAID = (
        Status.SUCCEEDED,
        Status.HELD,
        Status.RELEASED,
        Status.PARTIALLY_REFUNDED,
        Status.REFUNDED,
        Status.DISPUTED,
    )
    # A declined card is not the end: the same payment intent can be paid with another one.
    MOVES = {
        Status.PENDING: frozenset(
            {Status.PROCESSING, Status.SUCCEEDED, Status.FAILED, Status.CANCELED}
        ),
        Status.PROCESSING: frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELED}),
        Status.FAILED: frozenset({Status.PROCESSING, Status.SUCCEEDED, Status.CANCELED}),
        Status.CANCELED: frozenset({Status.SUCCEEDED}),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payments"
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="payments")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, related_name="payments"
    )
    provider = models.CharField(max_length=20)
    # The payment intent, or the invoice where nothing was charged.
    provider_id = models.CharField(max_length=255)
    invoice_id = models.CharField(max_length=255, blank=True)
    # Told by the invoice, which may come before the subscription itself.
    provider_subscription_id = models.CharField(max_length=255, blank=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    tier = models.CharField(max_length=50, blank=True)
    description = models.CharField(max_length=300, blank=True)
    method = models.CharField(max_length=60, blank=True)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    paid_at = models.DateTimeField(null=True, blank=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("provider", "provider_id", name="one_row_per_payment"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="payment_not_negative"),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="payments_of_user"),
            models.Index(fields=["-created_at", "-id"], name="payments_newest"),
            models.Index(
                fields=["invoice_id"], condition=~Q(invoice_id=""), name="payments_of_invoice"
            ),
            models.Index(
                fields=["provider_subscription_id"],
                condition=Q(subscription=None) & ~Q(provider_subscription_id=""),
                name="payments_without_subscription",
            ),
            models.Index(fields=["status", "-created_at", "-id"], name="payments_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.money} of {self.user}, {self.status}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def is_paid(self) -> bool:
        return self.status in self.PAID


class PaymentAttempt(models.Model):
    """One try to charge: what the bank said."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="attempts")
    provider_id = models.CharField(max_length=255)
    succeeded = models.BooleanField()
    code = models.CharField(max_length=80, blank=True)
    decline_code = models.CharField(max_length=80, blank=True)
    message = models.CharField(max_length=300, blank=True)
    method = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("payment", "provider_id", name="one_row_per_attempt"),
        ]
        ordering: ClassVar[list[str]] = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.decline_code or self.code or 'succeeded'}"
