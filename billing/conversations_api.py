from __future__ import annotations

from typing import Any, Literal

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import checkout, conversations, plans, redirects
from billing.api import IDEMPOTENCY_KEY
from billing.models import Conversation, Order
from config.kit.api import PlainPages, StrictSerializer, idempotency_key
from config.kit.keyset import Sought, TimePages, own
from config.kit.schema import refusal
from sessions_live.caller import caller

READ = {"GET": "billing:read"}
WRITE = {"POST": "conversations:write"}
NOT_FOUND = refusal("`not_found`: you have no such conversation.")


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    payment_status = serializers.ChoiceField(Conversation.Status.choices, source="status")
    stripe_session_id = serializers.CharField(
        allow_null=True, default=None, help_text="The checkout session of its newest payment link."
    )

    class Meta:
        model = Conversation
        fields = ("id", "title", "payment_status", "stripe_session_id", "created_at", "updated_at")
        read_only_fields = fields


class NewConversationSerializer(StrictSerializer):
    title = serializers.CharField(max_length=200)


class PaymentLinkRequestSerializer(StrictSerializer):
    conversation_id = serializers.IntegerField()
    tier = serializers.SlugField(max_length=50)


class PaymentLinkSerializer(serializers.Serializer[Any]):
    url = serializers.URLField()
    session_id = serializers.CharField(source="provider_id")


class OrderSerializer(serializers.ModelSerializer[Order]):
    stripe_session_id = serializers.CharField(source="provider_id", allow_null=True)
    status = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = ("id", "conversation_id", "stripe_session_id", "amount", "currency", "status")

    def get_status(self, order: Order) -> Literal["pending", "completed", "failed"]:
        """A checkout that was given up has failed, as far as its buyer is concerned."""
        if order.status == Order.Status.COMPLETED:
            return "completed"
        return "pending" if order.status == Order.Status.PENDING else "failed"


@extend_schema_view(get=extend_schema(operation_id="conversations_list"))
class ConversationsView(ListAPIView[Conversation]):
    """The caller's conversations, newest first."""

    scopes = READ | WRITE
    serializer_class = ConversationSerializer
    pagination_class = TimePages
    queryset = Conversation.objects.none()

    def sought(self) -> Sought:
        mine = Conversation.objects.with_session()
        return own(mine, "user_id", caller(self.request).pk, by_id=True)

    @extend_schema(request=NewConversationSerializer, responses={201: ConversationSerializer})
    def post(self, request: Request) -> Response:
        """Begin a conversation; it is unpaid."""
        asked = NewConversationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        begun = Conversation.objects.create(user=caller(request), **asked.validated_data)
        return Response(ConversationSerializer(begun).data, status=201)


class ConversationView(APIView):
    scopes = READ

    @extend_schema(
        operation_id="conversations_retrieve",
        responses={200: ConversationSerializer, 404: NOT_FOUND},
    )
    def get(self, request: Request, pk: int) -> Response:
        """One of the caller's conversations."""
        found = conversations.get_conversation(caller(request), int(pk))
        return Response(ConversationSerializer(found).data)


class PaymentLinksView(APIView):
    scopes = WRITE

    @extend_schema(
        request=PaymentLinkRequestSerializer,
        responses={
            201: PaymentLinkSerializer,
            404: NOT_FOUND,
            409: refusal("`already_paid`: nothing is left to pay for this conversation."),
        },
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """A fresh hosted page to pay for a conversation; older ones of it are closed."""
        wishes = PaymentLinkRequestSerializer(data=request.data)
        wishes.is_valid(raise_exception=True)
        asked = wishes.validated_data
        order = checkout.start_checkout(
            caller(request),
            plans.get_price(tier=asked["tier"], interval=None),
            provider="stripe",
            success_url=redirects.default_success_url(request),
            cancel_url=redirects.default_cancel_url(request),
            conversation=conversations.get_conversation(caller(request), asked["conversation_id"]),
            idempotency_key=idempotency_key(request),
        )
        return Response(PaymentLinkSerializer(order).data, status=201)


class OrdersView(ListAPIView[Order]):
    """The caller's orders, newest first, up to 100 at a time; the header `Link` has the next."""

    scopes = READ
    serializer_class = OrderSerializer
    pagination_class = PlainPages
    queryset = Order.objects.none()

    def get_queryset(self) -> QuerySet[Order]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return Order.objects.filter(user=caller(self.request))
