from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from config.kit.money import Money


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
    # Usage types that are counted on beyond their quota.
    soft_quotas = models.JSONField(default=list)
    # Plans are ordered by worth: a move to a higher rank is an upgrade.
    rank = models.PositiveSmallIntegerField(default=0)
    trial_days = models.PositiveSmallIntegerField(default=0)
    trial_needs_card = models.BooleanField(default=True)
    grace_days = models.PositiveSmallIntegerField(default=7)
    # How often an API key of somebody with this plan may ask.
    requests_per_minute = models.PositiveIntegerField(default=600)
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
