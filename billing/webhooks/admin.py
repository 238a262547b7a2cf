from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from billing.providers.listing import ProviderFilter, at_a_provider
from billing.webhooks import inbox
from billing.webhooks.bell import bell
from billing.webhooks.models import WebhookEvent
from config.kit.console_filters import LeadingChoices
from config.kit.decisions import DecidingAdmin, Decision, Done

Status = WebhookEvent.Status
TONES = {Status.RECEIVED: "info", Status.PROCESSED: "success", Status.FAILED: "danger"}


class ReplayForm(forms.Form):
    seen = forms.CharField(widget=forms.HiddenInput, required=False)


@admin.register(WebhookEvent)
class WebhookEventAdmin(DecidingAdmin):
    decision = Decision(
        name="replay",
        title="Process again",
        button="Process again",
        icon="replay",
        permission="webhooks.change_webhookevent",
        form=ReplayForm,
    )
    list_display = ("type", "event_id", "state", "attempts", "received_at", "processed_at")
    list_filter = (("status", LeadingChoices), ProviderFilter)
    search_help_text = "A whole event id"
    fieldsets = (
        (
            "Event",
            {
                "fields": (
                    "type",
                    "status",
                    "attempts",
                    "received_at",
                    "processed_at",
                    "next_attempt_at",
                    "mirrored_at",
                    "traceback",
                )
            },
        ),
        ("At the provider", {"fields": ("provider", "event_id", "request_id")}),
        ("Payload", {"fields": ("payload",)}),
    )
    readonly_fields = ("payload", "traceback")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        return super().get_queryset(request).defer("body", "error")

    def exact(self, term: str) -> Q:
        return at_a_provider(term, "event_id")

    @display(description="status", label=TONES)
    def state(self, event: WebhookEvent) -> tuple[str, str]:
        return event.status, event.get_status_display()

    @display(description="payload")
    def payload(self, event: WebhookEvent) -> str:
        pretty = json.dumps(event.payload, indent=2, ensure_ascii=False)
        return format_html('<pre class="code" tabindex="0">{}</pre>', pretty)

    @display(description="error")
    def traceback(self, event: WebhookEvent) -> str:
        return (
            format_html('<pre class="code" tabindex="0">{}</pre>', event.error)
            if event.error
            else "None"
        )

    def seen(self, event: WebhookEvent) -> str:
        return f"{event.status}:{event.attempts}:{event.processed_at}"

    def shown(self, event: WebhookEvent) -> dict[str, Any]:
        return {"seen": self.seen(event), "waits": event.status == Status.RECEIVED}

    def what_became_of(self, event: WebhookEvent) -> str:
        status = event.get_status_display().lower()
        return (
            "The event changed while you looked at it."
            f" It is {status} now, after {event.attempts} attempts."
        )

    def decide(self, request: HttpRequest, event: WebhookEvent, told: dict[str, Any]) -> Done:
        inbox.replay(event)
        bell.ring()
        words = "The event is back in the inbox and is processed in a moment."
        return Done(words, "Put back into the inbox.")
