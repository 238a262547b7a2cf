from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from rest_framework import serializers

from billing import returns
from billing.models import Payment, PaymentAttempt
from billing.payment_search import Wishes
from billing.providers import PROVIDERS
from billing.serializers import PaymentSerializer
from billing.timeline import timeline_of
from config.kit.api import StrictSerializer
from config.kit.money import LARGEST_AMOUNT


class StatusesField(serializers.CharField):
    """One or several, with commas between them."""

    def to_internal_value(self, data: Any) -> tuple[str, ...]:  # type: ignore[override]
        names = tuple(str(super().to_internal_value(data)).split(","))
        strangers = [name for name in names if name not in Payment.Status.values]
        if strangers:
            known = ", ".join(Payment.Status.values)
            raise serializers.ValidationError(f"{strangers[0]!r} is none of: {known}.")
        return tuple(dict.fromkeys(names))


class PaymentFilters(StrictSerializer):
    status = StatusesField(required=False, help_text="One or several, separated by commas.")
    provider = serializers.ChoiceField(choices=list(PROVIDERS), required=False)
    tier = serializers.SlugField(max_length=50, required=False)
    created_after = serializers.DateTimeField(required=False, help_text="From this moment on.")
    created_before = serializers.DateTimeField(required=False, help_text="Before this moment.")
    min_amount = serializers.IntegerField(
        required=False, min_value=0, max_value=LARGEST_AMOUNT, help_text="In minor units."
    )
    max_amount = serializers.IntegerField(
        required=False, min_value=0, max_value=LARGEST_AMOUNT, help_text="In minor units."
    )
    q = serializers.CharField(
        required=False,
        max_length=100,
        help_text="A whole id: the payment's, the provider's, its invoice's; or the beginning of"
        " one of them, or of the description.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for low, high in (("min_amount", "max_amount"), ("created_after", "created_before")):
            if low in attrs and high in attrs and attrs[low] > attrs[high]:
                raise serializers.ValidationError({high: f"Lies below {low}."})
        return attrs

    @classmethod
    def read(cls, query: QueryDict) -> dict[str, Any]:
        """Raises ValidationError with the name of what is unknown, malformed, or said twice."""
        twice = [name for name, values in query.lists() if len(values) > 1]
        if twice:
            raise serializers.ValidationError(dict.fromkeys(twice, "Given more than once."))
        filters = cls(data=query.dict())
        filters.is_valid(raise_exception=True)
        known: dict[str, Any] = filters.validated_data
        return known


class PageFilters(PaymentFilters):
    cursor = serializers.CharField(required=False, max_length=200, help_text="From `next`.")
    page_size = serializers.IntegerField(required=False, min_value=1, help_text="Up to 100.")


class ExportFilters(PaymentFilters):
    format = serializers.ChoiceField(choices=["csv", "json"], default="csv")


class StaffPageFilters(PageFilters):
    user = serializers.CharField(
        required=False, max_length=254, help_text="A person's id or e-mail address."
    )


def wishes_of(known: Mapping[str, Any]) -> Wishes:
    names = Wishes.__dataclass_fields__
    return Wishes(**{name: value for name, value in known.items() if name in names})


class AttemptSerializer(serializers.ModelSerializer[PaymentAttempt]):
    id = serializers.CharField(source="provider_id", help_text="The provider's charge.")

    class Meta:
        model = PaymentAttempt
        fields = ("id", "succeeded", "code", "decline_code", "message", "method", "created_at")


class HappeningSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField()
    cause = serializers.CharField(help_text="The provider's event, an order, an invoice.")


class PaymentDetailSerializer(PaymentSerializer):
    attempts = AttemptSerializer(many=True)
    refunds = serializers.SerializerMethodField()
    dispute = serializers.SerializerMethodField()
    timeline = serializers.SerializerMethodField()

    class Meta:
        model = Payment
        fields = (
            *PaymentSerializer.Meta.fields,
            "provider_id",
            "invoice_id",
            "attempts",
            "refunds",
            "dispute",
            "timeline",
        )

    def get_refunds(self, payment: Payment) -> list[dict[str, Any]]:
        return list(returns.teller().refunds_of(payment))

    def get_dispute(self, payment: Payment) -> dict[str, Any] | None:
        return returns.teller().dispute_of(payment)

    def get_timeline(self, payment: Payment) -> HappeningSerializer(many=True):  # type: ignore[valid-type]
        return HappeningSerializer(timeline_of(payment), many=True).data


class StaffPaymentSerializer(PaymentSerializer):
    user = serializers.IntegerField(source="user_id")
    email = serializers.EmailField(source="user.email")

    class Meta:
        model = Payment
        fields = (*PaymentSerializer.Meta.fields, "user", "email", "provider_id", "invoice_id")
