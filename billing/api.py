from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import checkout, conversations, entitlements, plans, redirects, subscriptions
from billing.models import Item, Plan
from billing.serializers import (
    NO_SUBSCRIPTION,
    CheckoutRequestSerializer,
    CheckoutSerializer,
    EntitlementsSerializer,
    ItemSerializer,
    PlanSerializer,
    SubscriptionSerializer,
    VerifiedCheckoutSerializer,
)
from config.kit.api import idempotency_key
from sessions_live.caller import caller

READ = {"GET": "billing:read"}
WRITE = {"POST": "billing:write"}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="Up to 255 characters; the same key and body give the same answer for 24 hours.",
)


class PlansView(ListAPIView[Plan]):
    """Every plan with its prices. Public."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    pagination_class = None
    serializer_class = PlanSerializer

    def get_queryset(self) -> QuerySet[Plan]:
        return plans.plans_for_sale()


class ItemsView(ListAPIView[Item]):
    """What can be bought by itself. Public."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    pagination_class = None
    serializer_class = ItemSerializer
    queryset = Item.objects.filter(active=True).order_by("slug")


class CheckoutsView(APIView):
    scopes = WRITE

    @extend_schema(
        operation_id="checkout_sessions_create",
        request=CheckoutRequestSerializer,
        responses={201: CheckoutSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Opens the provider's hosted page for a plan."""
        wishes = CheckoutRequestSerializer(data=request.data)
        wishes.is_valid(raise_exception=True)
        asked: dict[str, Any] = wishes.validated_data
        user, conversation = caller(request), None
        if "conversation_id" in asked:
            conversation = conversations.get_conversation(user, asked["conversation_id"])
        order = checkout.start_checkout(
            user,
            plans.get_price(tier=asked["tier"], interval=asked.get("interval")),
            provider=asked["provider"],
            success_url=asked.get("success_url") or redirects.default_success_url(request),
            cancel_url=asked.get("cancel_url") or redirects.default_cancel_url(request),
            conversation=conversation,
            idempotency_key=idempotency_key(request),
        )
        return Response(CheckoutSerializer(order).data, status=201)


class CheckoutView(APIView):
    scopes = READ

    @extend_schema(operation_id="checkout_sessions_retrieve", responses=VerifiedCheckoutSerializer)
    def get(self, request: Request, session_id: str) -> Response:
        """What came of a checkout; asks the provider where its webhook has not come yet."""
        verified = checkout.verify_checkout(caller(request), session_id)
        return Response(VerifiedCheckoutSerializer(verified).data)


class SubscriptionView(APIView):
    scopes = READ

    @extend_schema(responses=SubscriptionSerializer)
    def get(self, request: Request) -> Response:
        """The caller's subscription; `status` is `none` where there is none."""
        subscription = subscriptions.current(caller(request))
        if subscription is None:
            return Response(NO_SUBSCRIPTION)
        return Response(SubscriptionSerializer(subscription).data)


class EntitlementsView(APIView):
    scopes = READ

    @extend_schema(responses=EntitlementsSerializer)
    def get(self, request: Request) -> Response:
        """What the caller may use now: the one call that an application needs."""
        return Response(EntitlementsSerializer(entitlements.access_of(caller(request))).data)
