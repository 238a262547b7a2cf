from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from config.kit.ids import new_id
from config.kit.money import Money
from config.kit.states import Moves


class Interval(models.TextChoices):
    MONTH = "month"
    YEAR = "year"
    ONCE = "once"


class Plan(models.Model):
    """A tier of the catalogue. Rows come from the catalogue file alone."""

    tier = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    features = models.JSONField(default=list)
    quotas = models.JSONField(default=dict)
    # Plans are ordered by worth: a move to a higher rank is an upgrade.
    rank = models.PositiveSmallIntegerField(default=0)
    trial_days = models.PositiveSmallIntegerField(default=0)
    trial_needs_card = models.BooleanField(default=True)
    grace_days = models.PositiveSmallIntegerField(default=7)
    allow_promotion_codes = models.BooleanField(default=True)
    collect_billing_address = models.BooleanField(default=True)
    automatic_tax = models.BooleanField(default=False)
    active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["rank"]

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """What a plan costs per interval. An amount never changes; a new one is a new row."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="prices")
    interval = models.CharField(max_length=10, choices=Interval)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    lookup_key = models.CharField(max_length=200)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "plan",
                "interval",
                "currency",
                condition=Q(active=True),
                name="one_active_price_per_interval",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="price_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.money} per {self.interval}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def is_recurring(self) -> bool:
        return self.interval != Interval.ONCE


class Item(models.Model):
    """Something bought once, by itself: credits, a skin, a conversation."""

    slug = models.SlugField(primary_key=True)
    name = models.CharField(max_length=100)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    # Set where the buyer chooses the amount; `amount` is then what is suggested.
    min_amount = models.BigIntegerField(null=True, blank=True)
    max_amount = models.BigIntegerField(null=True, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(min_amount=None, max_amount=None)
                | Q(min_amount__gt=0, amount__range=(F("min_amount"), F("max_amount"))),
                name="item_bounds_hold_its_amount",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="item_above_zero"),
        ]

    def __str__(self) -> str:
        return self.name


class ProviderPrice(models.Model):
    """A price as a provider knows it."""

    price = models.ForeignKey(Price, on_delete=models.CASCADE, related_name="at_providers")
    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=255)
    product_id = models.CharField(max_length=255)
    # False when it was changed or archived at the provider; `sync_catalog --push` repairs it.
    in_step = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("provider", "provider_id", name="one_price_per_provider_id"),
            models.UniqueConstraint("price", "provider", name="one_provider_id_per_price"),
        ]

    def __str__(self) -> str:
        return self.provider_id


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
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders"
    )
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="orders")
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
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("provider", "provider_id", name="one_order_per_checkout"),
            models.UniqueConstraint("user", "idempotency_key", name="one_order_per_key"),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="orders_of_user"),
            models.Index(
                fields=["created_at"], condition=Q(status="pending"), name="orders_pending"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.price} for {self.user}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


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
    def is_live(self) -> bool:
        return self.status in self.LIVE and not self.duplicate

    def gives_access(self, at: datetime) -> bool:
        if self.duplicate:
            return False
        if self.status == self.Status.PAST_DUE:
            return self.grace_until is None or at < self.grace_until
        return self.status in (self.Status.TRIALING, self.Status.ACTIVE)


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


class EntitlementQuerySet(models.QuerySet["Entitlement"]):
    def in_force(self, at: datetime) -> EntitlementQuerySet:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None)


class Entitlement(models.Model):
    """The right to use a plan, from one source."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="entitlements"
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="entitlements")
    # `subscription:<id>` or `order:<id>`: what gives the right.
    source = models.CharField(max_length=100, unique=True)
    granted_at = models.DateTimeField()
    # The end of a grace period; the right ends then, whether or not anybody looks.
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoke_reason = models.CharField(max_length=60, blank=True)

    objects = EntitlementQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user"], name="entitlements_of_user")]

    def __str__(self) -> str:
        return f"{self.plan} for {self.user}"
