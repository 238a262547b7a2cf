from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest
from unfold.decorators import display

from billing.reconciliation import differences, repairing
from billing.reconciliation.models import Difference, Run
from config.kit.console import ReadOnlyAdmin
from config.kit.decisions import DecidingAdmin, Decision, Done, ReasonForm
from sessions_live.caller import caller

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


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        *("__str__", "since", "stage", "events_recovered", "objects_seen"),
        *("found", "repaired", "gone", "finished_at"),
    )
    search_fields = ()


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
    list_filter = ("status",)
    search_help_text = "A whole id at the provider"

    def exact(self, term: str) -> Q:
        return Q(object_id=term)

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
