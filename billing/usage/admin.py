from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join

from billing.usage import reading
from billing.usage.corrections import correct, last_correction, of_counter
from billing.usage.models import Allowance, Correction, Counter, QuotaSet, Threshold, UsageEvent
from config.kit.console import ReadOnlyAdmin
from config.kit.errors import AppError
from sessions_live.caller import caller

CORRECT = "usage.add_correction"
MOST = 10**12
SHOWN_DAYS = 31


class CorrectionForm(forms.Form):
    amount = forms.IntegerField(
        min_value=-MOST, max_value=MOST, help_text="What to add; with a minus, what to take off."
    )
    reason = forms.CharField(max_length=300, help_text="Kept with your name and the time.")
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount == 0:
            raise forms.ValidationError("Nothing would change.")
        return amount


class OfAPerson(ReadOnlyAdmin):
    owner = "user"
    list_select_related: Sequence[str] = ("user",)
    search_help_text = "A person's e-mail address"

    def exact(self, term: str) -> Q:
        return Q(pk__in=[])


@admin.register(Counter)
class CounterAdmin(OfAPerson):
    list_display = ("user", "usage_type", "used", "period_start")
    readonly_fields = ("corrections", "days")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.correct_view)
        name = "usage_counter_correct"
        return [path("<int:pk>/correct/", view, name=name), *super().get_urls()]

    def corrections(self, counter: Counter) -> str:
        rows = of_counter(counter).select_related("by").order_by("-id")
        return as_lines(
            (f"{row.at:%Y-%m-%d %H:%M}", f"{row.amount:+,}: {row.reason} ({row.by})")
            for row in rows
        )

    def days(self, counter: Counter) -> str:
        rows = reading.history(counter.user_id, days=SHOWN_DAYS, usage_type=counter.usage_type)
        return as_lines((f"{row.day:%Y-%m-%d}", f"{row.amount:,}") for row in rows)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_correct": request.user.has_perm(CORRECT)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | may)

    def correct_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perm(CORRECT):
            raise PermissionDenied
        counter = get_object_or_404(Counter.objects.select_related("user"), pk=pk)
        fresh = CorrectionForm(initial={"seen": last_correction(counter)})
        form = CorrectionForm(request.POST) if request.method == "POST" else fresh
        if form.is_bound and form.is_valid():
            return self.correct(request, counter, form)
        context = {
            **self.admin_site.each_context(request),
            "title": "Correct a counter",
            "opts": self.opts,
            "counter": counter,
            "form": form,
            "back": reverse("admin:usage_counter_change", args=[counter.pk]),
        }
        return TemplateResponse(request, "admin/usage/counter/correct.html", context)

    def correct(self, request: HttpRequest, counter: Counter, form: CorrectionForm) -> HttpResponse:
        try:
            made = correct(counter, by=caller(request), **form.cleaned_data)
        except AppError as refusal:
            messages.warning(request, f"Nothing was done. {refusal.detail}")
            return redirect("admin:usage_counter_correct", pk=counter.pk)
        self.log_change(request, counter, f"Corrected by {made.amount:+,}: {made.reason}")
        messages.success(request, f"The counter is at {made.used:,} now.")
        return redirect("admin:usage_counter_change", counter.pk)


def as_lines(pairs: Any) -> str:
    lines = format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", pairs)
    return format_html('<dl class="decision-facts">{}</dl>', lines) if lines else "None"


@admin.register(UsageEvent)
class UsageEventAdmin(OfAPerson):
    list_display = ("user", "usage_type", "amount", "event_id", "at", "received_at")


@admin.register(Threshold)
class ThresholdAdmin(OfAPerson):
    list_display = ("user", "usage_type", "percent", "used", "limit", "at", "mailed_at")
    list_filter = (("mailed_at", admin.EmptyFieldListFilter),)


@admin.register(Correction)
class CorrectionAdmin(OfAPerson):
    list_display = ("user", "usage_type", "amount", "used", "reason", "by", "at")
    list_select_related = ("user", "by")


@admin.register(Allowance)
class AllowanceAdmin(OfAPerson):
    list_display = ("user", "tier", "anchor", "expires_at")


@admin.register(QuotaSet)
class QuotaSetAdmin(ReadOnlyAdmin):
    ordering = ("tier",)
    search_fields = ()
    list_display = ("tier", "limits", "soft", "is_default")
