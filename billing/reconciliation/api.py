from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.permissions import HasPermission
from billing.reconciliation.asking import ask, find_customer
from billing.reconciliation.models import Run
from billing.reconciliation.serializers import (
    AskSerializer,
    RunSerializer,
    RunStorySerializer,
    WhichSerializer,
)
from config.kit.keyset import Place, Sought, TimePages, own
from sessions_live.caller import caller

VIEW = HasPermission("reconciliation.view_run")
ASK = HasPermission("reconciliation.add_run")
REPAIR = "reconciliation.change_difference"


@extend_schema_view(get=extend_schema(parameters=[WhichSerializer]))
class ReconciliationsView(ListAPIView[Run]):
    """Comparisons with the provider, newest first."""

    serializer_class = RunSerializer
    pagination_class = TimePages
    queryset = Run.objects.none()

    def get_permissions(self) -> list[BasePermission]:
        return [ASK()] if self.request.method == "POST" else [VIEW()]

    def sought(self) -> Sought:
        asked = WhichSerializer(data=self.request.query_params.dict())
        asked.is_valid(raise_exception=True)
        runs = Run.objects.select_related("by")
        if customer := asked.validated_data.get("customer"):
            theirs = find_customer(customer).provider_id or ""
            return own(runs, "customer", theirs, by_id=True)
        return Sought(runs, runs, indexed=True, place_of=Place.of_id, by_id=True)

    @extend_schema(request=AskSerializer, responses={202: RunSerializer})
    def post(self, request: Request) -> Response:
        """Has all, the recent past or one customer compared. A worker does it; where the same is
        not over yet, the answer is that one."""
        asked = AskSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.validated_data["fix"] and not request.user.has_perm(REPAIR):
            raise PermissionDenied
        run = ask(**wishes_of(asked.validated_data), by=caller(request))
        return Response(RunSerializer(run).data, status=202)


def wishes_of(asked: dict[str, Any]) -> dict[str, Any]:
    wishes = {"fix": asked["fix"]}
    if customer := asked.get("customer"):
        theirs = find_customer(customer).provider_id
        return {**wishes, "scope": Run.Scope.CUSTOMER, "customer": theirs}
    if since := asked.get("since"):
        return {**wishes, "scope": Run.Scope.RECENT, "since": since}
    return wishes


class ReconciliationView(APIView):
    permission_classes = (VIEW,)

    @extend_schema(responses=RunStorySerializer)
    def get(self, request: Request, pk: int) -> Response:
        """How far it is, and what it found."""
        run = get_object_or_404(Run.objects.select_related("by"), pk=pk)
        return Response(RunStorySerializer(run).data)
