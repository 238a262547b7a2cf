from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing.operations import outgoing
from billing.operations.models import Operation
from billing.providers.listing import ProviderFilter, at_a_provider
from config.kit.console import ReadOnlyAdmin
from config.kit.errors import AppError

Status = Operation.Status
TONES = {
    Status.REQUESTED: "info",
    Status.SUBMITTING: "info",
    Status.SUCCEEDED: "success",
    Status.FAILED: "danger",
    Status.UNKNOWN: "warning",
}
SETTLE = "operations.change_operation"


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
class OperationAdmin(ReadOnlyAdmin):
    owner = "user"
    list_display = ("kind", "subject", "user", "state", "attempts", "provider_id", "created_at")
    list_select_related = ("user",)
    list_filter = ("status", NeedsHumanFilter, ProviderFilter)
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

    def get_urls(self) -> list[URLPattern]:
        look_up = self.admin_site.admin_view(self.look_up_view)
        name = "operations_operation_look_up"
        return [path("<uuid:pk>/look-up/", look_up, name=name), *super().get_urls()]

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

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_settle": request.user.has_perm(SETTLE)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | may)

    def look_up_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """A page that tells what will happen; only its buttons do it."""
        if not request.user.has_perm(SETTLE):
            raise PermissionDenied
        operation = get_object_or_404(Operation, pk=pk)
        form = GiveUpForm(request.POST if "give_up" in request.POST else None)
        if request.method == "POST" and ("give_up" not in request.POST or form.is_valid()):
            return self.settle(request, operation, form)
        context = {
            **self.admin_site.each_context(request),
            "title": "Look it up now",
            "opts": self.opts,
            "operation": operation,
            "form": form,
            "back": reverse("admin:operations_operation_change", args=[operation.pk]),
        }
        return TemplateResponse(request, "admin/operations/operation/look_up.html", context)

    def settle(self, request: HttpRequest, operation: Operation, form: GiveUpForm) -> HttpResponse:
        try:
            if form.is_bound:
                outgoing.give_up(operation, reason=form.cleaned_data["reason"])
                done = f"Settled as not done: {operation.words}"
            else:
                outgoing.resolve(operation)
                done = f"Looked up: {operation.get_status_display().lower()}."
        except AppError:
            messages.warning(request, "Nothing was done: somebody else is at it this very moment.")
            return redirect("admin:operations_operation_look_up", pk=operation.pk)
        self.log_change(request, operation, done)
        messages.info(request, done)
        return redirect("admin:operations_operation_change", operation.pk)
