from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from billing.operations import outgoing
from billing.operations.models import Operation
from billing.providers.listing import ProviderFilter, at_a_provider
from config.kit.console_filters import LeadingChoices
from config.kit.decisions import DecidingAdmin, Decision, Done
from config.kit.errors import AppError
from config.kit.states import StaleState

Status = Operation.Status
TONES = {
    Status.REQUESTED: "info",
    Status.SUBMITTING: "info",
    Status.SUCCEEDED: "success",
    Status.FAILED: "danger",
    Status.UNKNOWN: "warning",
}


class NeedsHumanFilter(admin.SimpleListFilter):
    title = "who has to act"
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("human", "Waits for a human"), ("open", "Open")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Operation]) -> QuerySet[Operation]:
        if self.value() == "human":
            return queryset.filter(status__in=Operation.OPEN).exclude(needs_human_at=None)
        return queryset.filter(status__in=Operation.OPEN) if self.value() else queryset


class GiveUpForm(forms.Form):
    reason = forms.CharField(
        max_length=300,
        label="What you found at the provider",
        help_text="Kept with your name and the time.",
    )


@admin.register(Operation)
class OperationAdmin(DecidingAdmin):
    """It is looked up, which takes no reason, or given up, which does."""

    decision = Decision(
        name="look_up",
        title="Look it up now",
        button="Look it up now",
        icon="search",
        permission="operations.change_operation",
        form=GiveUpForm,
    )
    owner = "user"
    list_display = ("kind", "subject", "user", "state", "attempts", "provider_id", "created_at")
    list_select_related = ("user",)
    list_filter = (("status", LeadingChoices), NeedsHumanFilter, ProviderFilter)
    search_help_text = (
        "A person's e-mail address, or a whole id: operation, subject, or what the provider made"
    )
    fieldsets = (
        (
            "Call",
            {
                "fields": (
                    "kind",
                    "status",
                    "attempts",
                    "error",
                    "created_at",
                    "submitted_at",
                    "finished_at",
                    "due_at",
                    "needs_human_at",
                )
            },
        ),
        ("Where it belongs", {"fields": ("user", "subject")}),
        ("At the provider", {"fields": ("provider", "provider_id", "id", "request_id")}),
        ("What was asked for, and what came", {"fields": ("wishes", "said")}),
    )
    readonly_fields = ("said",)

    def exact(self, term: str) -> Q:
        return self.exact_uuid(term) | at_a_provider(term) | Q(subject=term)

    @display(description="status", label=TONES)
    def state(self, operation: Operation) -> tuple[str, str]:
        return operation.status, operation.get_status_display()

    @display(description="words")
    def said(self, operation: Operation) -> str:
        if not operation.words:
            return "None"
        return format_html('<pre class="code" tabindex="0">{}</pre>', operation.words)

    def is_open(self, operation: Operation) -> bool:
        return operation.is_open

    def form_for(self, request: HttpRequest, operation: Operation) -> forms.Form:
        return GiveUpForm(request.POST if "give_up" in request.POST else None)

    def decide(self, request: HttpRequest, operation: Operation, told: dict[str, Any]) -> Done:
        try:
            if told:
                outgoing.give_up(operation, reason=told["reason"])
                words = f"Settled as not done: {operation.words}"
            else:
                outgoing.resolve(operation)
                words = f"Looked up: {operation.get_status_display().lower()}."
        except AppError as error:
            raise StaleState("Somebody else is at it this very moment.") from error
        return Done(words, words, messages.INFO)
