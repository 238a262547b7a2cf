from __future__ import annotations

import re
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import OpenApiTypes, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from billing import documents, invoicing, payment_methods, pdf, receipts
from billing.api import READ
from billing.models import Invoice
from config.kit.keyset import Sought, TimePages
from config.kit.schema import refusal
from sessions_live.caller import caller
from sessions_live.models import User


class InvoiceLineSerializer(serializers.Serializer[Any]):
    description = serializers.CharField()
    quantity = serializers.IntegerField()
    amount = serializers.IntegerField()


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    hosted_url = serializers.URLField(allow_null=True, help_text="The provider's page, if any.")
    pdf_url = serializers.SerializerMethodField(help_text="The document as we print it.")
    lines = InvoiceLineSerializer(many=True)

    class Meta:
        model = Invoice
        fields = (
            "id",
            "kind",
            "number",
            "status",
            "currency",
            "subtotal",
            "discount",
            "tax",
            "total",
            "amount_due",
            "amount_paid",
            "amount_remaining",
            "lines",
            "provider",
            "hosted_url",
            "pdf_url",
            "created_at",
            "issued_at",
            "due_at",
            "paid_at",
        )

    def get_pdf_url(self, invoice: Invoice) -> str:
        path = reverse("api-invoice-pdf", args=[invoice.pk])
        return str(self.context["request"].build_absolute_uri(path))

    def to_representation(self, instance: Invoice) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return shown | {"hosted_url": shown["hosted_url"] or None}


@extend_schema_view(get=extend_schema(operation_id="invoices_list"))
class InvoicesView(ListAPIView[Invoice]):
    """The caller's invoices and receipts, newest first."""

    scopes = READ
    serializer_class = InvoiceSerializer
    pagination_class = TimePages
    queryset = Invoice.objects.none()

    def sought(self) -> Sought:
        user = caller(self.request)
        receipts.write_missing_of(user)
        return invoicing.issued_to(user)


class AnyFormat(BaseContentNegotiation):
    """A PDF whatever the caller accepts; errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class InvoicePdfView(APIView):
    scopes = READ
    content_negotiation_class = AnyFormat

    @extend_schema(
        operation_id="invoices_pdf",
        responses={
            (200, "application/pdf"): OpenApiTypes.BINARY,
            404: refusal("`not_found`: you have no such invoice."),
        },
    )
    def get(self, request: Request, pk: str) -> HttpResponse:
        """One invoice or receipt to keep, made when it is asked for."""
        return pdf_answer(invoice_of(caller(request), pk))


def invoice_of(user: User, pk: str) -> Invoice:
    """Raises Http404, also for somebody else's."""
    return get_object_or_404(Invoice.objects.issued().filter(user=user), pk=pk)


def pdf_answer(invoice: Invoice) -> HttpResponse:
    # The number is the provider's word: letters, digits and dashes are all that a file name takes.
    name = re.sub(r"[^A-Za-z0-9-]", "", invoice.number)
    payment_methods.learn(each for each in invoicing.payments_for(invoice) if not each.method)
    return HttpResponse(
        pdf.render(documents.document_of(invoice)),
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{invoice.kind}-{name}.pdf"',
            "Cache-Control": "private, no-store",
        },
    )
