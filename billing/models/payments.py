from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from billing.models.orders import Order
from billing.models.purchases import Purchase
from billing.models.subscriptions import Subscription
from billing.webhooks import cause
from config.kit.ids import new_id
from config.kit.money import Money
from config.kit.states import Moves

NOTE_STATE = """
    IF TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN
        INSERT INTO billing_paymentevent (payment_id, status, at, cause)
        VALUES (NEW.id, NEW.status, NEW.state_at, NEW.told_by);
    END IF;
    RETURN NULL;
"""


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
            {Status.PROCESSING, Status.SUCCEEDED, Status.HELD, Status.FAILED, Status.CANCELED}
        ),
        Status.PROCESSING: frozenset(
            {Status.SUCCEEDED, Status.HELD, Status.FAILED, Status.CANCELED}
        ),
        Status.FAILED: frozenset(
            {Status.PROCESSING, Status.SUCCEEDED, Status.HELD, Status.CANCELED}
        ),
        Status.CANCELED: frozenset({Status.SUCCEEDED, Status.HELD}),
        # Paid into escrow: until all of it was handed over.
        Status.HELD: frozenset({Status.RELEASED}),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Without an index of its own: `payments_of_user` begins with it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="payments",
        db_index=False,
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="payments")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, related_name="payments"
    )
    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, null=True, related_name="payments"
    )
    provider = models.CharField(max_length=20)
    # The payment intent, or the invoice where nothing was charged.
    provider_id = models.CharField(max_length=255)
    invoice_id = models.CharField(max_length=255, blank=True)
    # Told by the invoice, which may come before the subscription itself.
    provider_subscription_id = models.CharField(max_length=255, blank=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    # What the hosted page took off and put on; null until it has told.
    discount = models.BigIntegerField(null=True, blank=True)
    tax = models.BigIntegerField(null=True, blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    tier = models.CharField(max_length=50, blank=True)
    description = models.CharField(max_length=300, blank=True)
    method = models.CharField(max_length=60, blank=True)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    paid_at = models.DateTimeField(null=True, blank=True)
    # Of our own; a provider's invoice is known by its id.
    has_receipt = models.BooleanField(default=False, db_default=False, editable=False)
    # For PaymentEvent: since when it is in its state, and which event told us first.
    state_at = models.DateTimeField(db_default=Now(), editable=False)
    told_by = models.CharField(max_length=255, blank=True, db_default="", editable=False)

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
            models.Index(
                fields=["user"],
                condition=(~Q(order=None) | ~Q(purchase=None))
                & Q(has_receipt=False, paid_at__isnull=False),
                name="payments_without_receipt",
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Trigger(
                name="payment_history",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("status"),
                func=NOTE_STATE,
            )
        ]

    def __str__(self) -> str:
        return f"{self.money} of {self.user}, {self.status}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def is_paid(self) -> bool:
        return self.status in self.PAID

    def move_to(self, status: str, *, at: datetime | None = None, **fields: Any) -> None:
        """`at` is the provider's time, for the payment's history."""
        told = {"state_at": at or timezone.now(), "told_by": cause.current.get()}
        super().move_to(status, **told, **fields)


class PaymentEvent(models.Model):
    """A state that a payment came into: when, and by which event. Written by the payment's trigger,
    so that a move costs no statement more and none is left out."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="events")
    status = models.CharField(max_length=20, choices=Payment.Status)
    # When it became so at the provider; news may come late and in any order.
    at = models.DateTimeField()
    # The provider's id of the event; empty where nothing but our own question brought the news.
    cause = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.status} at {self.at:%Y-%m-%d %H:%M:%S}"


class PaymentAttempt(models.Model):
    """One try to charge: what the bank said."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="attempts")
    provider_id = models.CharField(max_length=255)
    succeeded = models.BooleanField()
    code = models.CharField(max_length=80, blank=True)
    decline_code = models.CharField(max_length=80, blank=True)
    message = models.CharField(max_length=300, blank=True)
    method = models.CharField(max_length=60, blank=True)
    # All that the provider said, without secrets.
    error = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("payment", "provider_id", name="one_row_per_attempt"),
        ]
        ordering: ClassVar[list[str]] = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.decline_code or self.code or 'succeeded'}"
