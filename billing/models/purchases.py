from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from billing.models.catalogue import Item
from config.kit.ids import new_id
from config.kit.money import Money
from config.kit.states import Moves


class PurchaseQuerySet(models.QuerySet["Purchase"]):
    def completed(self) -> PurchaseQuerySet:
        return self.filter(status=Purchase.Status.COMPLETED)


class Purchase(Moves):
    """An item that somebody buys. Committed before the provider is called, its id is the call's
    key; completed ones are what its user owns."""

    class Status(models.TextChoices):
        PENDING = "pending"
        COMPLETED = "completed"
        CANCELED = "canceled"

    class Way(models.TextChoices):
        INTENT = "intent", "confirmed by the client"
        SAVED = "saved", "with the card on file"
        PAGE = "page", "on the hosted page"

    # What was given up can still be paid at the provider a moment later.
    MOVES = {
        Status.PENDING: frozenset({Status.COMPLETED, Status.CANCELED}),
        Status.CANCELED: frozenset({Status.COMPLETED}),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Without an index of its own: `purchases_of_user` begins with it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="purchases",
        db_index=False,
    )
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="purchases")
    quantity = models.PositiveSmallIntegerField()
    unit_amount = models.BigIntegerField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    way = models.CharField(max_length=10, choices=Way)
    provider = models.CharField(max_length=20)
    # The payment intent, or the checkout session where it is bought on the hosted page.
    provider_id = models.CharField(max_length=255, null=True, blank=True)
    client_secret = models.CharField(max_length=255, blank=True, editable=False)
    url = models.TextField(blank=True)
    success_url = models.TextField(blank=True)
    cancel_url = models.TextField(blank=True)
    # The card on file, chosen before the call so that a repetition is the same.
    saved_method = models.CharField(max_length=255, blank=True)
    # What was answered when it was opened, to give the same answer again.
    first_status = models.CharField(max_length=40, blank=True)
    refusal = models.CharField(max_length=300, blank=True)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True)
    # When the sweep last asked the provider about it.
    asked_at = models.DateTimeField(null=True, blank=True)

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("provider", "provider_id", name="one_purchase_per_payment"),
            models.UniqueConstraint("user", "idempotency_key", name="one_purchase_per_key"),
            models.CheckConstraint(
                condition=Q(amount=F("unit_amount") * F("quantity"), amount__gt=0),
                name="purchase_adds_up",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="purchases_of_user"),
            models.Index(fields=["status", "-created_at", "-id"], name="purchases_by_status"),
            models.Index(
                fields=["user", "-created_at", "-id"],
                condition=Q(status="completed"),
                name="purchases_owned_by_user",
            ),
            models.Index(
                fields=["created_at"], condition=Q(status="pending"), name="purchases_pending"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.words} for {self.user}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def open_page(self) -> str:
        """The provider's, where it is still to be paid there."""
        is_open = self.status == self.Status.PENDING and self.way == self.Way.PAGE
        return self.url if is_open else ""

    @property
    def words(self) -> str:
        """`Neon skin × 3`"""
        return f"{self.item.name} × {self.quantity}" if self.quantity > 1 else self.item.name
