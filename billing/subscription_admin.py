"""Staff's part in a subscription's life: its history, and the moves that they may make for its
owner, each with a reason."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from billing import moves, subscription_life
from billing.access_admin import Moment
from billing.models import Subscription, SubscriptionEvent
from billing.moves import Move
from billing.subscription_life import Asking
from billing.subscription_wording import story, why
from config.kit.console import ReadOnlyAdmin, ReadOnlyInline
from config.kit.errors import AppError
from sessions_live.caller import caller

CHANGE = "billing.change_subscription"


class ReasonForm(forms.Form):
    key = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=500, help_text="Kept in the history with your name; the customer sees it too."
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"key": uuid.uuid4()})


class TrialForm(ReasonForm):
    until = Moment(label="Until (UTC)")


@dataclass(frozen=True, slots=True)
class Decision:
    move: Move
    title: str
    text: str
    icon: str
    make: Callable[[Subscription, Asking, dict[str, Any]], Subscription]
    form: type[ReasonForm] = ReasonForm


DECISIONS = {
    "cancel": Decision(
        Move.CANCEL,
        "Cancel at the period's end",
        "It can be used until its period ends, and is not charged again. A planned change of plan"
        " is dropped.",
        "event_busy",
        lambda it, asking, _: subscription_life.cancel(it.user, asking),
    ),
    "end": Decision(
        Move.END,
        "End now",
        "Access ends at once. Nothing is given back by itself: a refund is a decision of its own.",
        "block",
        lambda it, asking, _: subscription_life.cancel(it.user, asking, at_period_end=False),
    ),
    "reactivate": Decision(
        Move.REACTIVATE,
        "Reactivate",
        "The cancellation is taken back; the subscription renews when its period ends.",
        "restart_alt",
        lambda it, asking, _: subscription_life.reactivate(it.user, asking),
    ),
    "extend-trial": Decision(
        Move.EXTEND_TRIAL,
        "Extend the trial",
        "Nothing is charged until then.",
        "more_time",
        lambda it, asking, told: subscription_life.extend_trial(
            it.user, asking, until=told["until"]
        ),
        TrialForm,
    ),
}


class HistoryInline(ReadOnlyInline):
    model = SubscriptionEvent
    fields = ("at", "what", "person", "because", "told_by")
    verbose_name_plural = "History"
    ordering = ("-at", "-id")
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("actor", "subscription")

    @display(description="what")
    def what(self, event: SubscriptionEvent) -> str:
        return story(event)

    @display(description="by")
    def person(self, event: SubscriptionEvent) -> str:
        return f"{event.get_by_display()}: {event.actor}" if event.actor else event.get_by_display()

    @display(description="reason")
    def because(self, event: SubscriptionEvent) -> str:
        return why(event)


class SubscriptionDecisions(ReadOnlyAdmin):
    inlines = (HistoryInline,)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.decide_view)
        name = "billing_subscription_decide"
        return [path("<uuid:pk>/decide/<str:name>/", view, name=name), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        decisions = []
        if isinstance(found, Subscription) and request.user.has_perm(CHANGE):
            allowed = moves.allowed(found) if is_current(found) else frozenset()
            decisions = [(name, each) for name, each in DECISIONS.items() if each.move in allowed]
        more = {"decisions": decisions}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | more)

    def decide_view(self, request: HttpRequest, pk: uuid.UUID, name: str) -> HttpResponse:
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        if name not in DECISIONS:
            raise Http404
        decision = DECISIONS[name]
        subscription = get_object_or_404(
            Subscription.objects.select_related("user", "plan", "planned_price__plan"), pk=pk
        )
        form = decision.form(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            return self.decide(request, subscription, decision, form.cleaned_data)
        context = {
            **self.admin_site.each_context(request),
            "title": decision.title,
            "opts": self.opts,
            "subscription": subscription,
            "decision": decision,
            "form": form,
            "why_not": moves.why_not(subscription, decision.move),
            "back": reverse("admin:billing_subscription_change", args=[pk]),
        }
        return TemplateResponse(request, "admin/billing/subscription/decide.html", context)

    def decide(
        self,
        request: HttpRequest,
        subscription: Subscription,
        decision: Decision,
        told: dict[str, Any],
    ) -> HttpResponse:
        asking = Asking(caller(request), "staff", told["reason"], key=f"console:{told['key']}")
        try:
            if not is_current(subscription):
                raise moves.MoveRefused(moves.ENDED)
            decision.make(subscription, asking, told)
        except AppError as refusal:
            messages.warning(request, f"Nothing was done. {refusal.detail}")
        else:
            self.log_change(request, subscription, f"{decision.title}: {told['reason']}")
            messages.success(request, f"Done: {decision.title.lower()}.")
        return redirect("admin:billing_subscription_change", subscription.pk)


def is_current(subscription: Subscription) -> bool:
    """Moves are made with the running one of its owner, which an old row is not."""
    return subscription.is_live
