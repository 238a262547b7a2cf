from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.usage import batches, metering, reading
from billing.usage.serializers import (
    BatchSerializer,
    DaySerializer,
    HistoryQuerySerializer,
    StandingSerializer,
    TallySerializer,
    UsageSerializer,
    read_usage,
    shown,
)
from config.kit.schema import refusal
from sessions_live.caller import caller


class UsageView(APIView):
    scopes = {"GET": "usage:read", "POST": "usage:write"}

    @extend_schema(
        request=UsageSerializer,
        responses={
            201: StandingSerializer,
            402: refusal("`quota_exceeded`: it would pass a hard limit; nothing was counted."),
            422: refusal("`event_id_reused`: this event_id was used for something else."),
        },
    )
    def post(self, request: Request) -> Response:
        """Counts something that the caller used. 402 where it would pass a hard limit."""
        standing = metering.meter(caller(request).pk, read_usage(request.data))
        return Response(shown(standing), status=201)

    @extend_schema(responses=StandingSerializer(many=True))
    def get(self, request: Request) -> Response:
        """What the caller used in the running period, for every quota of their plan."""
        return Response([shown(each) for each in reading.report(caller(request).pk)])


class UsageBatchView(APIView):
    scopes = {"POST": "usage:write"}

    @extend_schema(request=BatchSerializer, responses={201: TallySerializer})
    def post(self, request: Request) -> Response:
        """Counts up to 1,000 events, each by itself: one that is refused does not stop others."""
        told = BatchSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        tally = batches.meter_batch(caller(request).pk, told.valid_ones())
        return Response(TallySerializer(told.with_invalid_ones(tally)).data, status=201)


class UsageHistoryView(APIView):
    scopes = {"GET": "usage:read"}

    @extend_schema(parameters=[HistoryQuerySerializer], responses=DaySerializer(many=True))
    def get(self, request: Request) -> Response:
        """What the caller used per day (UTC), newest first. Days without usage are left out."""
        asked = HistoryQuerySerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        days = reading.history(caller(request).pk, **asked.validated_data)
        return Response(DaySerializer(days, many=True).data)
