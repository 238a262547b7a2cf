from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.kit.ids import new_id
from config.kit.states import Moves


class MailQuerySet(models.QuerySet["Mail"]):
    def due(self, at: datetime) -> MailQuerySet:
        """Also those whose sender was killed: its lease is over."""
        return self.filter(status__in=Mail.WAITING, next_attempt_at__lte=at)


class Mail(Moves):
    """One mail to one person. What it says is made of template and context when it is sent."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        # It would have come too late, or there is nobody to write to any more.
        SKIPPED = "skipped"

    WAITING = (Status.QUEUED, Status.SENDING)
    OVER = frozenset({Status.SENT, Status.FAILED, Status.SKIPPED})
    MOVES = {
        Status.QUEUED: frozenset({Status.SENDING, Status.SKIPPED}),
        Status.SENDING: frozenset({Status.QUEUED, *OVER}),
        Status.SENT: frozenset({Status.QUEUED}),
        Status.FAILED: frozenset({Status.QUEUED}),
        Status.SKIPPED: frozenset({Status.QUEUED}),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="mails"
    )
    # What happened, such as `receipt:<payment>`: nobody is told of it twice.
    key = models.CharField(max_length=200, unique=True)
    to = models.CharField(max_length=254, blank=True)
    template = models.CharField(max_length=40)
    context = models.JSONField(
        encoder=DjangoJSONEncoder, db_default=models.Value({}, models.JSONField())
    )
    # As it was sent.
    subject = models.CharField(max_length=200, blank=True, db_default="")
    status = models.CharField(max_length=20, choices=Status, db_default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(db_default=0)
    # While it is being sent: when its sender must be dead.
    next_attempt_at = models.DateTimeField(db_default=Now())
    good_until = models.DateTimeField(null=True, blank=True)
    # How often staff had it sent again: each time is another message to the mail systems.
    resent = models.PositiveSmallIntegerField(db_default=0)
    error = models.TextField(blank=True, db_default="")
    provider_message_id = models.CharField(max_length=255, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        permissions: ClassVar[list[Any]] = [("resend_mail", "Can send a mail again")]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=Q(status__in=["queued", "sending"]),
                name="mails_due",
            ),
            models.Index(fields=["user", "-id"], name="mails_of_user"),
            models.Index(fields=["status", "-id"], name="mails_by_status"),
            models.Index(fields=["template", "-id"], name="mails_by_template"),
        ]

    def __str__(self) -> str:
        return self.subject or self.key

    @property
    def message_id(self) -> str:
        """The same each time that this mail is tried, so that a repetition can be recognised."""
        host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("<> ") or "localhost"
        again = f".{self.resent}" if self.resent else ""
        return f"<{self.pk}{again}@{host}>"
