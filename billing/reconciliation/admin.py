from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from billing.reconciliation import repairing
from billing.reconciliation.models import Difference, Run
from config.kit.console import ReadOnlyAdmin

Status = Difference.Status
TONES = {Status.OPEN: "danger", Status.REPAIRED: "success", Status.IGNORED: "info"}
REPAIR = "reconciliation.change_difference"


class RepairForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="Kept with your name and the time.")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        *("__str__", "since", "stage", "events_recovered", "objects_seen"),
        *("found", "repaired", "finished_at"),
    )
    search_fields = ()


@admin.register(Difference)
class DifferenceAdmin(ReadOnlyAdmin):
    list_display = ("kind", "object_id", "ours", "theirs", "cause", "state", "found_at")
    list_filter = ("status",)
    search_help_text = "A whole id at the provider"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.repair_view)
        name = "reconciliation_difference_repair"
        return [path("<int:pk>/repair/", view, name=name), *super().get_urls()]

    def exact(self, term: str) -> Q:
        return Q(object_id=term)

    @display(description="status", label=TONES)
    def state(self, difference: Difference) -> tuple[str, str]:
        return difference.status, difference.get_status_display()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_repair": request.user.has_perm(REPAIR)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | may)

    def repair_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perm(REPAIR):
            raise PermissionDenied
        difference = get_object_or_404(Difference, pk=pk)
        form = RepairForm(request.POST if request.method == "POST" else None)
        back = reverse("admin:reconciliation_difference_change", args=[pk])
        if form.is_bound and form.is_valid():
            done = repairing.repair(difference)
            difference.refresh_from_db()
            self.log_change(request, difference, f"Repair: {form.cleaned_data['reason']}")
            tell = messages.success if done else messages.warning
            tell(request, difference.repair if done else f"Still open. {difference.repair}")
            return redirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": "Repair",
            "opts": self.opts,
            "difference": difference,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "admin/reconciliation/difference/repair.html", context)
