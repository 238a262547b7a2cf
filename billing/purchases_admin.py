from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing.models import Purchase
from billing.providers.listing import ProviderFilter, at_a_provider
from config.kit.console import ReadOnlyAdmin
from config.kit.console_filters import LeadingChoices

TONES = {Purchase.Status.PENDING: "warning", Purchase.Status.COMPLETED: "success"}


class PurchaseAdmin(ReadOnlyAdmin):
    owner = "user"
    ordering = ("-created_at", "-id")
    list_display = ("what", "user", "money", "state", "way", "created_at")
    list_select_related = ("user", "item")
    list_filter = (("status", LeadingChoices), "way", ProviderFilter)
    search_help_text = "A person's e-mail address, or the whole id of a payment intent or checkout"
    readonly_fields = ("money", "payments")
    fieldsets = (
        (
            "Purchase",
            {
                "fields": (
                    "status",
                    "item",
                    "quantity",
                    "unit_amount",
                    "money",
                    "way",
                    "refusal",
                    "created_at",
                    "completed_at",
                )
            },
        ),
        ("Where it belongs", {"fields": ("user", "payments")}),
        ("At the provider", {"fields": ("provider", "provider_id", "id", "request_id")}),
    )

    def exact(self, term: str) -> Q:
        return at_a_provider(term) | self.exact_uuid(term)

    @display(description="item")
    def what(self, purchase: Purchase) -> str:
        return purchase.words

    @display(description="status", label=TONES)
    def state(self, purchase: Purchase) -> tuple[str, str]:
        return purchase.status, purchase.get_status_display()

    @display(description="payments")
    def payments(self, purchase: Purchase) -> str:
        url = reverse("admin:billing_payment_changelist")
        return format_html('<a href="{}?q={}">Payments of this purchase</a>', url, purchase.pk)
