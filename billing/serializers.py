from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.confirmations import awaited_by
from billing.models import Interval, Item, Payment, Plan, Price, Subscription
from billing.redirects import is_allowed
from billing.webhooks.models import WebhookEvent
from config.kit.api import StrictSerializer


class PriceSerializer(serializers.ModelSerializer[Price]):
    class Meta:
        model = Price
        fields = ("interval", "amount", "currency")


class PlanSerializer(serializers.ModelSerializer[Plan]):
    features = serializers.ListField(child=serializers.CharField())
    quotas = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    prices = PriceSerializer(many=True, source="offers")

    class Meta:
        model = Plan
        fields = ("tier", "name", "description", "features", "quotas", "trial_days", "prices")


class ItemSerializer(serializers.ModelSerializer[Item]):
    id = serializers.CharField(source="slug")
    custom_amount = serializers.SerializerMethodField(
        help_text="false, or {min, max} where the buyer chooses the amount"
    )

    class Meta:
        model = Item
        fields = ("id", "name", "amount", "currency", "custom_amount")

    def get_custom_amount(self, item: Item) -> dict[str, int] | bool:
        if item.min_amount is None or item.max_amount is None:
            return False
        return {"min": item.min_amount, "max": item.max_amount}


class RedirectField(serializers.URLField):
    """A URL of an origin in FRONTEND_URLS, so that nobody is sent to a stranger's page."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=2000, **options)

    def to_internal_value(self, data: Any) -> str:
        url = str(super().to_internal_value(data))
        if not is_allowed(url):
            origins = ", ".join(settings.FRONTEND_URLS)
            raise serializers.ValidationError(
                f"Must be on one of these origins: {origins}.", code="origin_not_allowed"
            )
        return url


class CheckoutRequestSerializer(StrictSerializer):
    tier = serializers.SlugField(max_length=50)
    interval = serializers.ChoiceField(choices=Interval.choices, required=False)
    success_url = RedirectField(required=False)
    cancel_url = RedirectField(required=False)
    conversation_id = serializers.IntegerField(required=False)
    provider = serializers.ChoiceField(choices=["stripe"], default="stripe")


class CheckoutSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField(source="provider_id")
    url = serializers.URLField()
    provider = serializers.CharField()
    order_id = serializers.UUIDField(source="pk")


class PlannedChangeSerializer(serializers.Serializer[Subscription]):
    """What the subscription is going to be for, from when on."""

    tier = serializers.CharField(source="planned_price.plan.tier")
    interval = serializers.CharField(source="planned_price.interval")
    amount = serializers.IntegerField(source="planned_price.amount")
    currency = serializers.CharField(source="planned_price.currency")
    effective = serializers.DateTimeField(source="planned_at")


class AwaitedChangeSerializer(serializers.Serializer[Any]):
    """A change that is made as soon as its customer has confirmed the payment at `url`."""

    tier = serializers.CharField(source="price.plan.tier")
    interval = serializers.CharField(source="price.interval")
    amount_due = serializers.IntegerField(source="due.amount")
    currency = serializers.CharField(source="due.currency")
    url = serializers.URLField(help_text="Where the browser has to go.")
    expires_at = serializers.DateTimeField(source="until")


class SubscriptionSerializer(serializers.ModelSerializer[Subscription]):
    tier = serializers.CharField(source="plan.tier")
    provider_subscription_id = serializers.CharField(source="provider_id")
    scheduled_change = serializers.SerializerMethodField()
    awaited_change = serializers.SerializerMethodField()

    class Meta:
        model = Subscription
        fields = (
            "tier",
            "status",
            "interval",
            "provider",
            "provider_subscription_id",
            "amount",
            "currency",
            "current_period_start",
            "current_period_end",
            "trial_end",
            "cancel_at_period_end",
            "canceled_at",
            "grace_until",
            "scheduled_change",
            "awaited_change",
        )

    @extend_schema_field(PlannedChangeSerializer(allow_null=True))
    def get_scheduled_change(self, subscription: Subscription) -> Any:
        if subscription.planned_price is None:
            return None
        return PlannedChangeSerializer(subscription).data

    @extend_schema_field(AwaitedChangeSerializer(allow_null=True))
    def get_awaited_change(self, subscription: Subscription) -> Any:
        awaited = awaited_by(subscription)
        return AwaitedChangeSerializer(awaited).data if awaited else None


NO_SUBSCRIPTION: dict[str, Any] = {
    **dict.fromkeys(SubscriptionSerializer.Meta.fields),
    "tier": "free",
    "status": "none",
    "cancel_at_period_end": False,
}


class VerifiedCheckoutSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField(source="order.provider_id")
    status = serializers.CharField()
    payment_status = serializers.CharField()
    tier = serializers.CharField(source="order.price.plan.tier")
    interval = serializers.CharField(source="order.price.interval")
    amount = serializers.IntegerField(source="order.amount")
    currency = serializers.CharField(source="order.currency")
    order_id = serializers.UUIDField(source="order.pk")
    subscription = SubscriptionSerializer(allow_null=True)
    api_key_id = serializers.IntegerField(
        source="order.api_key_id", allow_null=True, help_text="The key that this payment made."
    )


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    class Meta:
        model = Payment
        fields = (
            "id",
            "amount",
            "currency",
            "status",
            "provider",
            "tier",
            "description",
            "method",
            "failure_code",
            "failure_message",
            "created_at",
            "paid_at",
        )


class EntitlementsSerializer(serializers.Serializer[Any]):
    tier = serializers.CharField()
    status = serializers.CharField()
    features = serializers.ListField(child=serializers.CharField())
    quotas = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    access = serializers.BooleanField()
    access_until = serializers.DateTimeField(source="until", allow_null=True)


class WebhookEventSerializer(serializers.ModelSerializer[WebhookEvent]):
    class Meta:
        model = WebhookEvent
        fields = (
            "id",
            "provider",
            "event_id",
            "type",
            "status",
            "attempts",
            "error",
            "received_at",
            "processed_at",
            "next_attempt_at",
        )
