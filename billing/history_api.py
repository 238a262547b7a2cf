from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiResponse, OpenApiTypes, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import payment_export, payment_search
from billing.history_serializers import (
    ExportFilters,
    PageFilters,
    PaymentDetailSerializer,
    StaffPageFilters,
    StaffPaymentSerializer,
    wishes_of,
)
from billing.models import Payment
from billing.permissions import HasPermission
from billing.serializers import PaymentSerializer
from config.kit.keyset import Sought, TimePages
from sessions_live.caller import caller
from sessions_live.models import User, normal_email

READ = {"GET": "billing:read"}


@extend_schema_view(get=extend_schema(parameters=[PageFilters]))
class PaymentsView(ListAPIView[Payment]):
    """The caller's payments, newest first. A page may be short of `page_size` while `next` is set:
    it has looked through many that were not asked for."""

    scopes = READ
    serializer_class = PaymentSerializer
    pagination_class = TimePages
    queryset = Payment.objects.none()

    def sought(self) -> Sought:
        wishes = wishes_of(PageFilters.read(self.request.query_params))
        return payment_search.search(Payment.objects.all(), wishes, of=caller(self.request).pk)


class PaymentView(APIView):
    scopes = READ

    @extend_schema(responses=PaymentDetailSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """One payment with what the bank said each time, and what happened when."""
        return Response(PaymentDetailSerializer(payment_of(caller(request).pk, pk)).data)


def payment_of(user_id: int, pk: str) -> Payment:
    """Raises Http404, also for somebody else's."""
    mine = Payment.objects.filter(user=user_id).prefetch_related("attempts", "events")
    return get_object_or_404(mine, pk=pk)


class IgnoredByRenderers(BaseContentNegotiation):
    """`?format=` is the export's own; errors are JSON whatever it says."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class PaymentExportView(APIView):
    scopes = READ
    content_negotiation_class = IgnoredByRenderers

    @extend_schema(
        parameters=[ExportFilters],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/json"): OpenApiResponse(PaymentSerializer(many=True)),
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All of the caller's payments that the filters leave, as a file."""
        known = ExportFilters.read(request.query_params)
        sought = payment_search.search(
            Payment.objects.all(), wishes_of(known), of=caller(request).pk
        )
        return payment_export.download(sought, known["format"])


@extend_schema_view(get=extend_schema(parameters=[StaffPageFilters]))
class StaffPaymentsView(ListAPIView[Payment]):
    """Everybody's payments, newest first."""

    permission_classes = (HasPermission("billing.view_payment"),)
    serializer_class = StaffPaymentSerializer
    pagination_class = TimePages
    queryset = Payment.objects.none()

    def sought(self) -> Sought:
        known = StaffPageFilters.read(self.request.query_params)
        payments: QuerySet[Payment] = Payment.objects.select_related("user")
        person = find_person(known["user"]) if "user" in known else None
        if person is None and "user" in known:
            payments = payments.none()
        return payment_search.search(payments, wishes_of(known), of=person)


def find_person(who: str) -> int | None:
    """By id or e-mail address."""
    if who.isascii() and who.isdigit() and len(who) < 19:
        return int(who)
    return User.objects.filter(email=normal_email(who)).values_list("pk", flat=True).first()
