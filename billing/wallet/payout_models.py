"""What leaves a wallet for a bank, and the account at the provider that it goes through."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.kit.ids import new_id
from config.kit.money import Money
from config.kit.states import Moves


class PayoutAccount(models.Model):
    """A person as the provider knows who is paid. The row exists before the provider is asked."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payout_accounts"
    )
    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=255, null=True, blank=True)
    # Both are the provider's word: told everything, and may be paid.
    details_submitted = models.BooleanField(default=False)
    is_ready = models.BooleanField(default=False)
    country = models.CharField(max_length=2, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    # What the provider still wants to know, in its words.
    requirements = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    fact_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint("user", "provider", name="one_payout_account_per_provider"),
            models.UniqueConstraint(
                "provider", "provider_id", name="one_person_per_payout_account_id"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.provider}"

    @property
    def standing(self) -> str:
        if self.is_ready:
            return "ready"
        if self.provider_id is None:
            return "none"
        return "restricted" if self.details_submitted else "incomplete"


class PayoutQuerySet(models.QuerySet["Payout"]):
    def under_way(self) -> PayoutQuerySet:
        """Those that something is still to be done for, by us or by the bank."""
        return self.filter(status__in=[Payout.Status.PENDING, Payout.Status.IN_TRANSIT])

    def may_come_back(self, now: datetime) -> PayoutQuerySet:
        """Paid, but so lately that the bank may still turn it down."""
        since = now - Payout.RETURNS_WITHIN
        return self.filter(status=Payout.Status.PAID, finished_at__gt=since)

    def stepping(self) -> PayoutQuerySet:
        """Those whose next step is ours: money to be sent, or to be taken back."""
        unsent = Q(status=Payout.Status.PENDING, provider_id=None)
        stranded = Q(status__in=Payout.OVER, taken_back=False) & ~Q(transfer_id="")
        return self.filter(unsent | stranded)


class Payout(Moves):
    """Asked for by its owner; its money has left the wallet from this row on."""

    class Status(models.TextChoices):
        PENDING = "pending"
        IN_TRANSIT = "in_transit"
        PAID = "paid"
        FAILED = "failed"
        CANCELED = "canceled"

    class Waiting(models.TextChoices):
        """Why one that is pending does not go on."""

        NOTHING = "", "nothing"
        ACCOUNT = "account", "the payout account"
        FUNDS = "funds", "money that is not available yet"

    OVER = (Status.FAILED, Status.CANCELED)
    # After that no bank sends it back any more.
    RETURNS_WITHIN = timedelta(days=7)
    # A bank turns money back days after it was reported as paid.
    MOVES = {
        Status.PENDING: frozenset({Status.IN_TRANSIT, Status.PAID, Status.FAILED, Status.CANCELED}),
        Status.IN_TRANSIT: frozenset({Status.PAID, Status.FAILED, Status.CANCELED}),
        Status.PAID: frozenset({Status.FAILED}),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Without an index of its own: `payouts_of_user` begins with it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payouts", db_index=False
    )
    provider = models.CharField(max_length=20)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    waiting_for = models.CharField(
        max_length=10, choices=Waiting, default=Waiting.NOTHING, blank=True
    )
    # The two halves at the provider: to the person's account there, and on to their bank.
    transfer_id = models.CharField(max_length=255, blank=True)
    provider_id = models.CharField(max_length=255, null=True, blank=True)
    # Of one that failed: the first half was undone.
    taken_back = models.BooleanField(default=False)
    # The last operation whose refusal was taken note of.
    refused_id = models.UUIDField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    # No step before this time.
    due_at = models.DateTimeField(default=timezone.now)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    arrives_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    # The caller's Idempotency-Key and what it stood for, to give the same answer again.
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)

    objects = PayoutQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payout_above_zero"),
            models.UniqueConstraint("provider", "provider_id", name="one_row_per_payout"),
            models.UniqueConstraint("user", "idempotency_key", name="one_payout_per_key"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["user", "-created_at", "-id"], name="payouts_of_user"),
            models.Index(fields=["due_at"], name="payouts_to_step", condition=Q(status="pending")),
            models.Index(
                fields=["id"],
                name="payouts_to_take_back",
                condition=Q(status__in=["failed", "canceled"], taken_back=False)
                & ~Q(transfer_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money} to {self.user}, {self.status}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
