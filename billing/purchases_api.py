from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import purchase_calls, purchase_news, purchases
from billing.api import IDEMPOTENCY_KEY, READ, WRITE
from billing.models import Purchase
from config.kit.api import KeysetPagination, StrictSerializer, idempotency_key
from config.kit.schema import refusal
from sessions_live.caller import caller


class IntentRequestSerializer(StrictSerializer):
    item_id = serializers.SlugField(max_length=50)
    quantity = serializers.IntegerField(
        min_value=1, max_value=purchases.MOST_AT_ONCE, required=False, default=1
    )
    amount = serializers.IntegerField(
        min_value=1,
        max_value=purchases.MOST_CHARGED,
        required=False,
        help_text="Only for items with a `custom_amount`, and within its bounds.",
    )
    off_session = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Charge the card on file at once; 402 where it is declined. With the answer "
        "`requires_action` the client finishes it with the `client_secret`.",
    )


class IntentSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="provider_id")
    client_secret = serializers.CharField()
    amount = serializers.IntegerField()
    currency = serializers.CharField()
    status = serializers.CharField(source="first_status")
    publishable_key = serializers.SerializerMethodField(
        help_text="What Stripe.js is set up with to confirm the payment; no secret."
    )
    payment_method = serializers.CharField(
        source="saved_method", help_text="The card on file that was charged; else empty."
    )

    def get_publishable_key(self, _: Purchase) -> str:
        return settings.STRIPE_PUBLISHABLE_KEY


class IntentStateSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="purchase.provider_id")
    amount = serializers.IntegerField(source="purchase.amount")
    currency = serializers.CharField(source="purchase.currency")
    status = serializers.CharField(
        help_text="Stripe's: requires_payment_method, requires_action, processing, succeeded …"
    )
    metadata = serializers.SerializerMethodField()

    def get_metadata(self, verified: purchase_news.Verified) -> dict[str, str]:
        return purchase_calls.metadata_of(verified.purchase)


class PurchaseSerializer(serializers.ModelSerializer[Purchase]):
    name = serializers.CharField(source="item.name")

    class Meta:
        model = Purchase
        fields = (
            "id",
            "item_id",
            "name",
            "quantity",
            "amount",
            "currency",
            "created_at",
            "completed_at",
        )


class PaymentIntentsView(APIView):
    scopes = WRITE

    @extend_schema(
        operation_id="payment_intents_create",
        request=IntentRequestSerializer,
        responses={
            201: IntentSerializer,
            402: refusal("`card_declined`: the card on file was declined; in the bank's words."),
            409: refusal("`no_saved_card`: there is none to charge `off_session`."),
        },
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Begin to pay for an item, at the catalogue's price."""
        wishes = IntentRequestSerializer(data=request.data)
        wishes.is_valid(raise_exception=True)
        asked = wishes.validated_data
        purchase = purchases.start_purchase(
            caller(request),
            purchases.Wish(
                purchases.get_item(asked["item_id"]), asked["quantity"], asked.get("amount")
            ),
            way=Purchase.Way.SAVED if asked["off_session"] else Purchase.Way.INTENT,
            idempotency_key=idempotency_key(request),
        )
        return Response(IntentSerializer(purchase).data, status=201)


class PaymentIntentView(APIView):
    scopes = READ

    @extend_schema(
        operation_id="payment_intents_retrieve",
        responses={
            200: IntentStateSerializer,
            404: refusal("`not_found`: you have no such payment."),
        },
    )
    def get(self, request: Request, intent_id: str) -> Response:
        """What came of it; asks the provider where its webhook has not come yet."""
        verified = purchase_news.verify_intent(caller(request), intent_id)
        return Response(IntentStateSerializer(verified).data)


class PurchasesView(ListAPIView[Purchase]):
    """The items that the caller has paid for, newest first."""

    scopes = READ
    serializer_class = PurchaseSerializer
    pagination_class = KeysetPagination
    queryset = Purchase.objects.none()

    def get_queryset(self) -> QuerySet[Purchase]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        mine = Purchase.objects.completed().filter(user=caller(self.request))
        return mine.select_related("item")
