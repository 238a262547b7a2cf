from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.wallet import reading
from billing.wallet.models import Entry
from billing.wallet.serializers import (
    MovementSerializer,
    MovementsQuerySerializer,
    WalletSerializer,
)
from config.kit.keyset import Several, TimePages
from sessions_live.caller import caller

READ = {"GET": "billing:read"}


class WalletView(APIView):
    scopes = READ

    @extend_schema(responses=WalletSerializer)
    def get(self, request: Request) -> Response:
        """What the caller has, awaits and owes, for each currency."""
        balances = reading.standings(caller(request).pk)
        return Response(WalletSerializer({"balances": balances}).data)


@extend_schema(parameters=[OpenApiParameter("currency", str, description="Only this one's.")])
class MovementsView(ListAPIView[Entry]):
    """What went into the caller's wallet and out of it, newest first, with what was left each
    time."""

    scopes = READ
    serializer_class = MovementSerializer
    pagination_class = TimePages
    queryset = Entry.objects.none()

    def sought(self) -> Several:
        asked = MovementsQuerySerializer(data=self.request.query_params.dict())
        asked.is_valid(raise_exception=True)
        currency = asked.validated_data.get("currency", "")
        return reading.movements(caller(self.request).pk, currency)
