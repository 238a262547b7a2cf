from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from billing.models import Invoice
from billing.providers.listing import ProviderFilter, at_a_provider
from billing.wording import INVOICE_TONES
from config.kit.console import ReadOnlyAdmin
from config.kit.console_filters import LeadingChoices
from config.kit.money import Money
from config.kit.steering import Filled


class InvoiceAdmin(ReadOnlyAdmin):
    owner = "user"
    everybodys = Filled("currency")
    ordering = ("-created_at", "-id")
    list_display = ("number", "user", "kind", "sum_total", "state", "created_at")
    list_select_related = ("user",)
    list_filter = (("status", LeadingChoices), "kind", ProviderFilter)
    search_help_text = "A person's e-mail address, a whole number, or a whole id: invoice, payment"
    readonly_fields = ("sum_total", "sums", "what", "billed_to", "payments")
    fieldsets = (
        (
            "Invoice",
            {
                "fields": (
                    "number",
                    "kind",
                    "status",
                    "what",
                    "sums",
                    "issued_at",
                    "due_at",
                    "paid_at",
                    "voided_at",
                    "attempt_count",
                    "next_attempt_at",
                )
            },
        ),
        ("Where it belongs", {"fields": ("user", "billed_to", "payments")}),
        (
            "At the provider",
            {
                "fields": (
                    "provider",
                    "provider_id",
                    "provider_subscription_id",
                    "hosted_url",
                    "provider_pdf_url",
                    "id",
                    "created_at",
                    "fact_at",
                )
            },
        ),
    )

    def exact(self, term: str) -> Q:
        numbered = ~Q(number="") & Q(number=term)
        return numbered | at_a_provider(term) | self.exact_uuid(term, "payment_id")

    @display(description="total")
    def sum_total(self, invoice: Invoice) -> str:
        return str(invoice.money())

    @display(description="status", label=INVOICE_TONES)
    def state(self, invoice: Invoice) -> tuple[str, str]:
        return invoice.status, invoice.get_status_display()

    @display(description="lines")
    def what(self, invoice: Invoice) -> str:
        lines = [
            (line["quantity"], line["description"], Money(line["amount"], invoice.currency))
            for line in invoice.lines
        ]
        return format_html_join("", "<div>{} × {}: {}</div>", lines) or "—"

    @display(description="sums")
    def sums(self, invoice: Invoice) -> str:
        told = [
            (label, invoice.money(column))
            for label, column in (
                ("Subtotal", "subtotal"),
                ("Discount", "discount"),
                ("Tax", "tax"),
                ("Total", "total"),
                ("Paid", "amount_paid"),
                ("Still to be paid", "amount_remaining"),
            )
        ]
        return format_html_join("", "<div>{}: {}</div>", told)

    @display(description="billed to")
    def billed_to(self, invoice: Invoice) -> str:
        known = invoice.bill_to
        rows = [known["name"], known["email"], *known["address"], *known["tax_ids"]]
        return format_html_join("", "<div>{}</div>", [(row,) for row in rows if row]) or "—"

    @display(description="payments")
    def payments(self, invoice: Invoice) -> str:
        url = reverse("admin:billing_payment_changelist")
        return format_html('<a href="{}?q={}">Its payments</a>', url, invoice.provider_id)
