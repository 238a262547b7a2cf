from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.api import IDEMPOTENCY_KEY
from billing.serializers import RedirectField
from billing.wallet import payout_accounts, payouts
from billing.wallet.payout_models import Payout, PayoutAccount
from config.kit.api import StrictSerializer, idempotency_key
from config.kit.money import LARGEST_AMOUNT, Money
from config.kit.schema import refusal
from sessions_live.caller import caller

SCOPES = {"GET": "billing:read", "POST": "billing:write"}


class PayoutRequestSerializer(StrictSerializer):
    amount = serializers.IntegerField(min_value=1, max_value=LARGEST_AMOUNT)
    currency = serializers.RegexField(r"^[a-z]{3}$")


class PayoutSerializer(serializers.ModelSerializer[Payout]):
    class Meta:
        model = Payout
        fields = (
            "id",
            "status",
            "amount",
            "currency",
            "waiting_for",
            "arrives_at",
            "failure_code",
            "failure_message",
            "created_at",
            "finished_at",
        )


class PayoutsView(ListAPIView[Payout]):
    """The caller's payouts, newest first."""

    scopes = SCOPES
    serializer_class = PayoutSerializer
    queryset = Payout.objects.none()

    def get_queryset(self) -> QuerySet[Payout]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return Payout.objects.filter(user=caller(self.request))

    @extend_schema(
        request=PayoutRequestSerializer,
        responses={
            201: PayoutSerializer,
            409: refusal("`insufficient_funds`, or a currency that the payout account lacks."),
        },
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Takes money out of the wallet, towards the caller's bank. It waits while the caller's
        payout account is not ready (`waiting_for`)."""
        wishes = PayoutRequestSerializer(data=request.data)
        wishes.is_valid(raise_exception=True)
        payout = payouts.request_payout(
            caller(request),
            Money(**wishes.validated_data),
            idempotency_key=idempotency_key(request),
        )
        return Response(PayoutSerializer(payout).data, status=201)


class PayoutCancelView(APIView):
    scopes = {"POST": "billing:write"}

    @extend_schema(
        request=None,
        responses={
            200: PayoutSerializer,
            409: refusal("`payout_on_its_way`: it was sent already, or is over."),
        },
    )
    def post(self, request: Request, pk: str) -> Response:
        """Takes a payout back while nothing of it has been sent."""
        return Response(PayoutSerializer(payouts.cancel_payout(caller(request), pk)).data)


class PayoutAccountRequestSerializer(StrictSerializer):
    return_url = RedirectField(required=False)


class OnboardingSerializer(serializers.Serializer[Any]):
    url = serializers.URLField()


class PayoutAccountSerializer(serializers.Serializer[Any]):
    status = serializers.SerializerMethodField(help_text="none, incomplete, restricted or ready")
    country = serializers.CharField()
    currency = serializers.CharField()
    requirements = serializers.ListField(child=serializers.CharField())

    def get_status(self, account: PayoutAccount) -> str:
        return account.standing


class PayoutAccountView(APIView):
    scopes = SCOPES

    @extend_schema(responses=PayoutAccountSerializer)
    def get(self, request: Request) -> Response:
        """Whether the caller can be paid, and what the provider still wants to know."""
        account = payout_accounts.account_of(caller(request)) or PayoutAccount()
        return Response(PayoutAccountSerializer(account).data)

    @extend_schema(request=PayoutAccountRequestSerializer, responses={201: OnboardingSerializer})
    def post(self, request: Request) -> Response:
        """The provider's page on which the caller tells who they are and where their bank is. It is
        good for a few minutes and once; ask again for another."""
        wishes = PayoutAccountRequestSerializer(data=request.data)
        wishes.is_valid(raise_exception=True)
        back = request.build_absolute_uri(reverse("wallet-onboarded"))
        url = payout_accounts.onboarding_url(
            caller(request),
            return_url=wishes.validated_data.get("return_url") or back,
            refresh_url=request.build_absolute_uri(reverse("wallet-onboarding")),
        )
        return Response({"url": url}, status=201)
