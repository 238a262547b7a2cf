from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from config.kit.states import Moves


class MessageQuerySet(models.QuerySet["Message"]):
    def due(self, at: datetime) -> MessageQuerySet:
        """One person's messages go out in their order: only the oldest open one is ever due."""
        before = Message.objects.filter(
            user_id=OuterRef("user_id"), status=Message.Status.PENDING, pk__lt=OuterRef("pk")
        )
        free = Q(claimed_until=None) | Q(claimed_until__lte=at)
        return self.filter(
            free, ~Exists(before), status=Message.Status.PENDING, next_attempt_at__lte=at
        )


class Message(Moves):
    """What another system is told of one person's access. Written with the change that it tells
    of; its id is the same in every attempt."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        DEAD = "dead"

    MOVES = {
        Status.PENDING: frozenset({Status.DELIVERED, Status.DEAD}),
        Status.DELIVERED: frozenset({Status.PENDING}),
        Status.DEAD: frozenset({Status.PENDING}),
    }

    # `msg_…`, the receiver's key against doing it twice.
    message_id = models.CharField(max_length=40, unique=True, editable=False)
    # What it tells of, such as `entitlement:7`, and which kind of news: once each.
    about = models.CharField(max_length=100)
    type = models.CharField(max_length=40)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="access_messages"
    )
    # As it is signed and sent, byte for byte.
    body = models.TextField()
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    give_up_at = models.DateTimeField()
    # A worker is sending it, with nothing locked; whoever is killed meanwhile loses the claim then.
    claimed_until = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = "access message"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint("about", "type", name="told_once"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=Q(status="pending"),
                name="access_messages_due",
            ),
            models.Index(
                fields=["user", "id"],
                condition=Q(status="pending"),
                name="access_messages_in_order",
            ),
            models.Index(fields=["status", "-id"], name="access_messages_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"


class DeliveryAttempt(models.Model):
    """One try to deliver, and what came of it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    latency_ms = models.PositiveIntegerField()
    # Null where nobody answered.
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    # Why it failed, in our words.
    error = models.CharField(max_length=300, blank=True)
    # The beginning of the answer's body; what follows is never read.
    excerpt = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}: {self.status_code or self.error}"
