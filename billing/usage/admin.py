from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from billing.usage import reading
from billing.usage.corrections import correct, last_correction, of_counter
from billing.usage.models import Allowance, Correction, Counter, QuotaSet, Threshold, UsageEvent
from config.kit.console import ReadOnlyAdmin
from config.kit.decisions import DecidingAdmin, Decision, Done, ReasonForm
from sessions_live.caller import caller

MOST = 10**12
SHOWN_DAYS = 31


class CorrectionForm(ReasonForm):
    amount = forms.IntegerField(
        min_value=-MOST, max_value=MOST, help_text="What to add; with a minus, what to take off."
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("amount", "reason")

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
class CounterAdmin(OfAPerson, DecidingAdmin):
    decision = Decision(
        name="correct",
        title="Correct a counter",
        button="Correct",
        icon="edit",
        permission="usage.add_correction",
        form=CorrectionForm,
    )
    list_display = ("user", "usage_type", "used", "period_start")
    readonly_fields = ("quota", "corrections", "days")

    @display(description="quota now")
    def quota(self, counter: Counter) -> str:
        standing = reading.standing_of(counter)
        if standing is None:
            return "None: the period is over, or the person's plan has no such quota any more."
        if standing.limit is None:
            return "No limit."
        over = f"{standing.over:,} over" if standing.over else f"{standing.remaining:,} left"
        return f"{standing.limit:,}, {over}, until {standing.period_end:%Y-%m-%d %H:%M} UTC."

    def corrections(self, counter: Counter) -> str:
        rows = of_counter(counter).select_related("by").order_by("-id")
        return as_lines(
            (f"{row.at:%Y-%m-%d %H:%M}", f"{row.amount:+,}: {row.reason} ({row.by})")
            for row in rows
        )

    def days(self, counter: Counter) -> str:
        rows = reading.history(counter.user_id, days=SHOWN_DAYS, usage_type=counter.usage_type)
        return as_lines((f"{row.day:%Y-%m-%d}", f"{row.amount:,}") for row in rows)

    def shown(self, counter: Counter) -> dict[str, Any]:
        return {"quota": self.quota(counter)}

    def seen(self, counter: Counter) -> int:
        return last_correction(counter)

    def decide(self, request: HttpRequest, counter: Counter, told: dict[str, Any]) -> Done:
        made = correct(counter, by=caller(request), **told)
        words = f"The counter is at {made.used:,} now."
        return Done(words, f"Corrected by {made.amount:+,}: {made.reason}")


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
