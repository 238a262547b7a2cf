from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import escrow_news, escrow_payments, escrow_start
from billing.api import IDEMPOTENCY_KEY
from billing.wallet.models import Escrow
from config.kit.api import StrictSerializer, idempotency_key
from config.kit.keyset import Several, TimePages
from config.kit.money import Money
from sessions_live.caller import caller

SCOPES = {"GET": "billing:read", "POST": "billing:write"}


class EscrowRequestSerializer(StrictSerializer):
    payee = serializers.EmailField(max_length=254)
    amount = serializers.IntegerField()
    currency = serializers.RegexField(r"^[a-z]{3}$")
    description = serializers.CharField(max_length=300, allow_blank=True, default="")


class ReleaseSerializer(StrictSerializer):
    amount = serializers.IntegerField(
        min_value=1, required=False, help_text="A part; all that is left without it."
    )


class EscrowSerializer(serializers.ModelSerializer[Escrow]):
    payer = serializers.EmailField(source="payer.email")
    payee = serializers.EmailField(source="payee.email")
    status = serializers.SerializerMethodField()
    left = serializers.IntegerField(source="left.amount", help_text="Held and not promised back.")
    client_secret = serializers.SerializerMethodField(
        help_text="For the payer's client to confirm; null for the payee, and on a hosted page."
    )

    class Meta:
        model = Escrow
        fields = (
            "id",
            "payer",
            "payee",
            "amount",
            "currency",
            "description",
            "status",
            "released",
            "returned",
            "left",
            "client_secret",
            "created_at",
            "held_at",
            "release_at",
        )

    def get_status(self, agreed: Escrow) -> str:
        return escrow_payments.status_of(agreed)

    def get_client_secret(self, agreed: Escrow) -> str | None:
        mine = agreed.payer_id == self.context["user"].pk
        return (agreed.client_secret if mine else "") or None


def shown(agreed: Escrow, request: Request) -> Any:
    read = escrow_payments.with_payment(Escrow.objects.filter(pk=agreed.pk)).get()
    return EscrowSerializer(read, context={"user": caller(request)}).data


class EscrowPaymentsView(ListAPIView[Escrow]):
    """Those that the caller pays or is paid by, newest first."""

    scopes = SCOPES
    serializer_class = EscrowSerializer
    pagination_class = TimePages
    queryset = Escrow.objects.none()

    def sought(self) -> Several:
        return escrow_payments.all_of(caller(self.request).pk)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "user": self.request.user}

    @extend_schema(
        request=EscrowRequestSerializer,
        responses={201: EscrowSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Opens a payment to somebody, which is held until the caller releases it."""
        wishes = EscrowRequestSerializer(data=request.data)
        wishes.is_valid(raise_exception=True)
        asked: dict[str, Any] = wishes.validated_data
        agreed = escrow_start.start_escrow(
            caller(request),
            payee=asked["payee"],
            money=Money(asked["amount"], asked["currency"]),
            description=asked["description"],
            idempotency_key=idempotency_key(request),
        )
        return Response(shown(agreed, request), status=201)


class EscrowPaymentView(APIView):
    scopes = SCOPES

    @extend_schema(operation_id="escrow_payments_retrieve", responses=EscrowSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """For its payer and its payee."""
        return Response(shown(escrow_news.get_escrow(caller(request), pk), request))


class ReleaseView(APIView):
    scopes = SCOPES

    @extend_schema(
        operation_id="escrow_payments_release",
        request=ReleaseSerializer,
        responses=EscrowSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, pk: str) -> Response:
        """Hands the money to the payee, less the platform's fee. For its payer, or staff."""
        wish = ReleaseSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        released = escrow_payments.release(
            pk,
            by=caller(request),
            amount=wish.validated_data.get("amount"),
            idempotency_key=idempotency_key(request),
        )
        return Response(shown(released, request))
