from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from billing.models.orders import Order
from config.kit.states import Moves


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def with_session(self) -> ConversationQuerySet:
        """Each with the checkout session of its newest link."""
        orders = Order.objects.filter(conversation=OuterRef("pk")).exclude(provider_id=None)
        newest = orders.order_by("-created_at", "-id").values("provider_id")[:1]
        return self.annotate(stripe_session_id=Subquery(newest))


class Conversation(Moves):
    """What is paid for by itself, with as many tries as it takes."""

    class Status(models.TextChoices):
        UNPAID = "unpaid"
        PENDING = "pending"
        PAID = "paid"
        FAILED = "failed"

    # As with orders: a link that was given up can still be paid a moment later.
    MOVES = {
        Status.UNPAID: frozenset({Status.PENDING}),
        Status.PENDING: frozenset({Status.PAID, Status.FAILED}),
        Status.FAILED: frozenset({Status.PENDING, Status.PAID}),
    }

    # Without an index of its own: `conversations_of_user` begins with it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="conversations",
        db_index=False,
    )
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=20, choices=Status, default=Status.UNPAID)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "-id"], name="conversations_of_user")]

    def __str__(self) -> str:
        return self.title
