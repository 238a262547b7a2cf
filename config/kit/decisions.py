"""A page of the console where staff decide something about one row: it tells what will happen and
asks why, and only its button does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from config.kit.console import ReadOnlyAdmin
from config.kit.errors import AppError
from config.kit.states import StaleState


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="Kept with your name and the time.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`name` is that of its address and of its template."""

    name: str
    title: str
    button: str
    icon: str
    permission: str
    form: type[forms.Form] = ReasonForm


@dataclass(frozen=True, slots=True)
class Done:
    """What the one who decided is told, and what the row's history keeps beside their name."""

    words: str
    journal: str
    level: int = messages.SUCCESS


class DecidingAdmin(ReadOnlyAdmin):
    decision: ClassVar[Decision]
    change_form_template = "admin/decision_change_form.html"

    # --- what each kind of row says itself --------------------------------------------------------
    def decide(self, request: HttpRequest, row: Any, told: dict[str, Any]) -> Done:
        """Raises AppError where nothing was done."""
        raise NotImplementedError

    def is_open(self, row: Any) -> bool:
        """Whether the row's page offers it."""
        return True

    def shown(self, row: Any) -> dict[str, Any]:
        """What the template needs besides the row, which it knows by the name of its model."""
        return {}

    def seen(self, row: Any) -> Any:
        """How the row is. Where a form has a field `seen`, it was decided about that state only."""
        return None

    def what_became_of(self, row: Any) -> str:
        return "It changed while you looked at it."

    def form_for(self, request: HttpRequest, row: Any) -> forms.Form:
        if request.method == "POST":
            return self.decision.form(request.POST)
        return self.decision.form(initial={"seen": self.seen(row)})

    # --- what is the same for all -----------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.decision_view)
        address = f"<str:object_id>/{self.decision.name.replace('_', '-')}/"
        return [path(address, view, name=self.page_name(self.decision.name)), *super().get_urls()]

    def page_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def address(self, page: str, row: Any) -> str:
        return reverse(f"admin:{self.page_name(page)}", args=[row.pk])

    def may_decide(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.decision.permission)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        offered = {}
        if row is not None and self.may_decide(request) and self.is_open(row):
            offered = {"decision": self.decision, "decide": self.address(self.decision.name, row)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | offered)

    def decision_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.may_decide(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        form = self.form_for(request, row)
        if request.method == "POST" and (form.is_valid() or not form.is_bound):
            return self.decided(request, row, form.cleaned_data if form.is_bound else {})
        context = {
            **self.admin_site.each_context(request),
            "title": self.decision.title,
            "opts": self.opts,
            "form": form,
            "back": self.address("change", row),
            str(self.opts.model_name): row,
            **self.shown(row),
        }
        template = f"admin/{self.opts.app_label}/{self.opts.model_name}/{self.decision.name}.html"
        return TemplateResponse(request, template, context)

    def decided(self, request: HttpRequest, row: Any, told: dict[str, Any]) -> HttpResponse:
        try:
            if "seen" in told and told["seen"] != self.seen(row):
                raise StaleState(self.what_became_of(row))
            done = self.decide(request, row, told)
        except AppError as refusal:
            messages.warning(request, f"Nothing was done. {refusal.detail}")
            return redirect(self.address(self.decision.name, row))
        self.log_change(request, row, done.journal)
        messages.add_message(request, done.level, done.words)
        return redirect(self.address("change", row))
