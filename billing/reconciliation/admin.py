from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import display

from billing.models import Customer
from billing.reconciliation import asking, differences, drift, repairing, tasks
from billing.reconciliation.models import Difference, Run
from billing.reconciliation.order import COMPARERS
from config.kit.console import ReadOnlyAdmin
from config.kit.console_filters import Leading, LeadingChoices
from config.kit.decisions import DecidingAdmin, Decision, Done, ReasonForm
from sessions_live.caller import caller

VIEW, ASK = "reconciliation.view_run", "reconciliation.add_run"
Status = Difference.Status
TONES = {
    Status.OPEN: "danger",
    Status.REPAIRED: "success",
    Status.GONE: "success",
    Status.IGNORED: "info",
}


class DecisionForm(ReasonForm):
    """Each of the page's buttons says one of these."""

    what = forms.ChoiceField(
        choices=[("repair", "Repair"), ("ignore", "Leave as it is")], widget=forms.HiddenInput
    )


class KindFilter(Leading):
    title = "class"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = sorted(kind for comparer in COMPARERS for kind in comparer.kinds)
        return [(name, name.replace("_", " ").capitalize()) for name in names]


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        *("__str__", "progress", "events_recovered", "objects_seen"),
        *("found", "repaired", "gone", "finished_at"),
    )
    search_fields = ()

    def get_urls(self) -> list[URLPattern]:
        drift_page = self.admin_site.admin_view(self.drift_view)
        customer_page = self.admin_site.admin_view(self.customer_view)
        return [
            path("drift/", drift_page, name="reconciliation_run_drift"),
            path("customer/<uuid:pk>/", customer_page, name="reconciliation_run_customer"),
            *super().get_urls(),
        ]

    def drift_view(self, request: HttpRequest) -> HttpResponse:
        self.refuse_strangers(request)
        if request.method == "POST":
            recent = request.POST.get("scope") == Run.Scope.RECENT
            wishes = (
                {"scope": Run.Scope.RECENT, "since": timezone.now() - tasks.RECENT}
                if recent
                else {"scope": Run.Scope.ALL}
            )
            return self.ask(request, **wishes)
        return self.show(request, "Drift", drift.overview())

    def customer_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        self.refuse_strangers(request)
        customer = get_object_or_404(Customer.objects.exclude(provider_id=None), pk=pk)
        theirs = customer.provider_id or ""
        if request.method == "POST":
            return self.ask(
                request,
                provider=customer.provider,
                scope=Run.Scope.CUSTOMER,
                customer=theirs,
            )
        title = f"{customer.user} beside {customer.provider}"
        back = reverse("admin:billing_customer_change", args=[pk])
        found = drift.overview(theirs)
        return self.show(request, title, found, customer=customer, back=back)

    def refuse_strangers(self, request: HttpRequest) -> None:
        needed = ASK if request.method == "POST" else VIEW
        if not request.user.has_perm(needed):
            raise PermissionDenied

    def ask(self, request: HttpRequest, **wishes: Any) -> HttpResponse:
        run = asking.ask(**wishes, by=caller(request))
        self.log_change(request, run, "Asked for.")
        messages.info(request, "A worker compares it now; reload to see what it finds.")
        return redirect(request.path)

    def show(
        self, request: HttpRequest, title: str, found: drift.Drift, **more: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "drift": found,
            "may_ask": request.user.has_perm(ASK),
            "may_decide": request.user.has_perm(DifferenceAdmin.decision.permission),
            **more,
        }
        return TemplateResponse(request, "admin/reconciliation/run/drift.html", context)


@admin.register(Difference)
class DifferenceAdmin(DecidingAdmin):
    decision = Decision(
        name="decide",
        title="What is to be done?",
        button="Decide",
        icon="build",
        permission="reconciliation.change_difference",
        form=DecisionForm,
    )
    list_display = ("kind", "object_id", "ours", "theirs", "cause", "state", "found_at")
    list_filter = (("status", LeadingChoices), KindFilter)
    list_select_related = ("run",)
    search_help_text = "A whole id at the provider, of the object or of its customer"
    readonly_fields = ("by_how_much",)
    fieldsets = (
        ("Difference", {"fields": ("kind", "object_id", "customer", "provider")}),
        ("Both sides", {"fields": ("ours", "theirs", "by_how_much")}),
        ("Why", {"fields": ("cause", "evidence")}),
        ("Found", {"fields": ("run", "found_at")}),
        ("What became of it", {"fields": ("status", "repair", "by", "closed_at", "closed_by")}),
    )

    def exact(self, term: str) -> Q:
        return Q(object_id=term) | Q(customer=term)

    @display(description="their books are above ours by")
    def by_how_much(self, difference: Difference) -> str:
        return str(difference.money or "It is not about the books")

    @display(description="status", label=TONES)
    def state(self, difference: Difference) -> tuple[str, str]:
        return difference.status, difference.get_status_display()

    def is_open(self, difference: Difference) -> bool:
        return difference.status == Status.OPEN

    def shown(self, difference: Difference) -> dict[str, Any]:
        return {"can_repair": repairing.has_rule(difference)}

    def decide(self, request: HttpRequest, difference: Difference, told: dict[str, Any]) -> Done:
        if told["what"] == "ignore":
            differences.ignore(difference, by=caller(request), reason=told["reason"])
            words = "Left as it is; it is found anew if it changes."
            return Done(words, f"Left as it is: {told['reason']}", messages.INFO)
        done = repairing.repair(difference, by=caller(request))
        difference.refresh_from_db()
        journal = f"Repair: {told['reason']}"
        if done:
            return Done(difference.repair, journal)
        return Done(f"Still open. {difference.repair}", journal, messages.WARNING)
