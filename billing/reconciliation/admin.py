from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest
from unfold.decorators import display

from billing.reconciliation import repairing
from billing.reconciliation.models import Difference, Run
from config.kit.console import ReadOnlyAdmin
from config.kit.decisions import DecidingAdmin, Decision, Done

Status = Difference.Status
TONES = {Status.OPEN: "danger", Status.REPAIRED: "success", Status.IGNORED: "info"}


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        *("__str__", "since", "stage", "events_recovered", "objects_seen"),
        *("found", "repaired", "finished_at"),
    )
    search_fields = ()


@admin.register(Difference)
class DifferenceAdmin(DecidingAdmin):
    decision = Decision(
        name="repair",
        title="Repair",
        button="Repair",
        icon="build",
        permission="reconciliation.change_difference",
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

    def decide(self, request: HttpRequest, difference: Difference, told: dict[str, Any]) -> Done:
        done = repairing.repair(difference)
        difference.refresh_from_db()
        journal = f"Repair: {told['reason']}"
        if done:
            return Done(difference.repair, journal)
        return Done(f"Still open. {difference.repair}", journal, messages.WARNING)
