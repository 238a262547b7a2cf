from __future__ import annotations

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html_join
from unfold.decorators import display

from config.kit.console import ReadOnlyAdmin
from privacy.models import Erasure

Status = Erasure.Status
TONES = {
    Status.REQUESTED: "info",
    Status.HELD: "warning",
    Status.ERASED: "info",
    Status.DONE: "success",
}


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("id", "state", "waits_for", "attempts", "requested_at", "erased_at", "done_at")
    list_filter = ("status",)
    search_help_text = "A whole receipt number"
    fieldsets = (
        (
            "Erasure",
            {
                "fields": (
                    "status",
                    "waits_for",
                    "requested_at",
                    "erased_at",
                    "done_at",
                    "due_at",
                    "attempts",
                    "trouble",
                )
            },
        ),
        ("Receipt", {"fields": ("id", "what_went", "what_stays")}),
        ("Where it belongs", {"fields": ("user",)}),
    )
    readonly_fields = ("waits_for", "what_went", "what_stays")

    def exact(self, term: str) -> Q:
        return self.exact_uuid(term)

    @display(description="status", label=TONES)
    def state(self, erasure: Erasure) -> tuple[str, str]:
        return erasure.status, erasure.get_status_display()

    @display(description="waits for")
    def waits_for(self, erasure: Erasure) -> str:
        return " ".join(erasure.held_for)

    @display(description="went")
    def what_went(self, erasure: Erasure) -> str:
        return format_html_join("", "<div>{}: {}</div>", erasure.went.items())

    @display(description="kept")
    def what_stays(self, erasure: Erasure) -> str:
        lines = ((each["what"], each["rows"], each["why"]) for each in erasure.kept)
        return format_html_join("", "<div>{}: {} ({})</div>", lines)
