from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.models.catalogue import Interval, Plan, Price
from billing.models.orders import Order
from config.kit.ids import new_id
from config.kit.money import Money


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def live(self) -> SubscriptionQuerySet:
        return self.filter(status__in=Subscription.LIVE, duplicate=False)


class Subscription(models.Model):
    """A provider's subscription. Its status is the provider's word: any may follow any."""

    class Status(models.TextChoices):
        INCOMPLETE = "incomplete"
        INCOMPLETE_EXPIRED = "incomplete_expired"
        TRIALING = "trialing"
        ACTIVE = "active"
        PAST_DUE = "past_due"
        CANCELED = "canceled"
        UNPAID = "unpaid"
        PAUSED = "paused"

    LIVE = (Status.TRIALING, Status.ACTIVE, Status.PAST_DUE, Status.UNPAID, Status.PAUSED)
    FINAL = (Status.CANCELED, Status.INCOMPLETE_EXPIRED)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="subscriptions"
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    price = models.ForeignKey(Price, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True)
    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=255)
    status = models.CharField(max_length=20, choices=Status)
    interval = models.CharField(max_length=10, choices=Interval)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    current_period_start = models.DateTimeField(null=True, blank=True)
    current_period_end = models.DateTimeField(null=True, blank=True)
    trial_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    canceled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    grace_until = models.DateTimeField(null=True, blank=True)
    # Of a paused one: until when it was paid, and until when it gives access.
    paid_until = models.DateTimeField(null=True, blank=True)
    # A change of plan that waits for the period's end, in the provider's schedule.
    schedule_id = models.CharField(max_length=255, blank=True)
    planned_price = models.ForeignKey(
        Price, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    planned_at = models.DateTimeField(null=True, blank=True)
    # A change of plan whose payment the customer has to confirm at their bank, until then.
    awaited_price = models.ForeignKey(
        Price, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    awaited_until = models.DateTimeField(null=True, blank=True)
    # The provider's invoice that it waits for.
    awaited_invoice = models.CharField(max_length=255, blank=True, default="", db_default="")
    # A second live subscription of one user, bought in two tabs: never counted, canceled at once.
    duplicate = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    # When the provider last changed it, as far as we have been told: older news is not applied.
    fact_at = models.DateTimeField()
    fact_rank = models.PositiveSmallIntegerField(default=0)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("provider", "provider_id", name="one_row_per_subscription"),
            models.UniqueConstraint(
                "user",
                condition=Q(
                    status__in=["trialing", "active", "past_due", "unpaid", "paused"],
                    duplicate=False,
                ),
                name="one_live_subscription_per_user",
            ),
        ]
        indexes = [models.Index(fields=["user", "-created_at"], name="subscriptions_of_user")]

    def __str__(self) -> str:
        return f"{self.plan} of {self.user}, {self.status}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def access_ends_at(self) -> datetime | None:
        """Where access outlasts what is paid for, or what is charged for: when it ends."""
        if self.status == self.Status.PAST_DUE:
            return self.grace_until
        return self.paid_until if self.status == self.Status.PAUSED else None

    @property
    def awaits_confirmation(self) -> bool:
        until = self.awaited_until
        return self.awaited_price_id is not None and (until is None or timezone.now() < until)

    @property
    def is_live(self) -> bool:
        return self.status in self.LIVE and not self.duplicate

    def gives_access(self, at: datetime) -> bool:
        if self.duplicate:
            return False
        if self.status == self.Status.PAST_DUE:
            return self.grace_until is None or at < self.grace_until
        if self.status == self.Status.PAUSED:
            return self.paid_until is not None and at < self.paid_until
        return self.status in (self.Status.TRIALING, self.Status.ACTIVE)
