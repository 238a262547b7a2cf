from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import paying, portal
from billing.api import IDEMPOTENCY_KEY, WRITE
from billing.serializers import RedirectField, SubscriptionSerializer
from billing.subscription_api import NothingSerializer
from config.kit.api import StrictSerializer, idempotency_key
from sessions_live.caller import caller


class PaidSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["paid", "processing", "action_needed"])
    url = serializers.URLField(
        allow_null=True,
        help_text="Where the bank's question is answered, if the status is `action_needed`.",
    )
    subscription = SubscriptionSerializer()


class PortalRequestSerializer(StrictSerializer):
    return_url = RedirectField(required=False)


class PortalSerializer(serializers.Serializer[Any]):
    url = serializers.URLField(help_text="For one visit, soon: whoever knows it is let in.")


class PayView(APIView):
    scopes = WRITE

    @extend_schema(
        operation_id="subscription_pay",
        request=NothingSerializer,
        responses=PaidSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Pays what the subscription owes, now, with the default card. 402 with the bank's words
        where it is declined; 409 `nothing_due` where nothing is owed."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        paid = paying.pay(caller(request), key=idempotency_key(request))
        return Response(PaidSerializer(paid).data)


class PortalView(APIView):
    scopes = WRITE

    @extend_schema(
        operation_id="billing_portal_sessions_create",
        request=PortalRequestSerializer,
        responses={201: PortalSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """The provider's page where cards are changed, invoices read, and the plan canceled."""
        wishes = PortalRequestSerializer(data=request.data)
        wishes.is_valid(raise_exception=True)
        asked: dict[str, Any] = wishes.validated_data
        home = request.build_absolute_uri(reverse("home"))
        url = portal.open_portal(
            caller(request),
            return_url=asked.get("return_url") or home,
            key=idempotency_key(request),
        )
        return Response({"url": url}, status=201)
