from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing.providers.listing import ProviderFilter, at_a_provider
from billing.wallet.payout_models import Payout
from billing.wallet_wording import PAYOUT_TONES
from config.kit.console import ReadOnlyAdmin


class PayoutAdmin(ReadOnlyAdmin):
    owner = "user"
    ordering = ("-created_at", "-id")
    list_display = ("money", "user", "state", "waiting_for", "arrives_at", "created_at")
    list_select_related = ("user",)
    list_filter = ("status", ProviderFilter)
    search_help_text = "A person's e-mail address, or the whole id of a payout"
    readonly_fields = ("money", "calls")
    fieldsets = (
        (
            "Payout",
            {
                "fields": (
                    "status",
                    "money",
                    "user",
                    "waiting_for",
                    "failure_code",
                    "failure_message",
                    "created_at",
                    "arrives_at",
                    "finished_at",
                )
            },
        ),
        (
            "At the provider",
            {"fields": ("provider", "transfer_id", "provider_id", "taken_back", "calls")},
        ),
        ("What is next", {"fields": ("due_at", "tries", "id")}),
    )

    def exact(self, term: str) -> Q:
        return at_a_provider(term) | self.exact_uuid(term)

    @display(description="status", label=PAYOUT_TONES)
    def state(self, payout: Payout) -> tuple[str, str]:
        return payout.status, payout.get_status_display()

    @display(description="calls")
    def calls(self, payout: Payout) -> str:
        url = reverse("admin:operations_operation_changelist")
        return format_html('<a href="{}?q=payout:{}">Calls for this payout</a>', url, payout.pk)


class PayoutAccountAdmin(ReadOnlyAdmin):
    owner = "user"
    ordering = ("-created_at", "-id")
    list_display = ("user", "standing", "provider_id", "country", "currency", "created_at")
    list_select_related = ("user",)
    list_filter = (ProviderFilter,)
    search_help_text = "A person's e-mail address, or the whole id of an account"

    def exact(self, term: str) -> Q:
        return at_a_provider(term) | self.exact_uuid(term)
