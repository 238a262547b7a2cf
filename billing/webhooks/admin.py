from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing.providers.listing import ProviderFilter, at_a_provider
from billing.webhooks import inbox
from billing.webhooks.bell import bell
from billing.webhooks.models import WebhookEvent
from config.kit.console import ReadOnlyAdmin
from config.kit.states import StaleState

Status = WebhookEvent.Status
TONES = {Status.RECEIVED: "info", Status.PROCESSED: "success", Status.FAILED: "danger"}
REPLAY = "webhooks.change_webhookevent"


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    list_display = ("type", "event_id", "state", "attempts", "received_at", "processed_at")
    list_filter = ("status", ProviderFilter)
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

    def get_urls(self) -> list[URLPattern]:
        replay = self.admin_site.admin_view(self.replay_view)
        name = "webhooks_webhookevent_replay"
        return [path("<int:pk>/replay/", replay, name=name), *super().get_urls()]

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

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_replay": request.user.has_perm(REPLAY)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | may)

    def replay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A page that tells what will happen; only its button does it."""
        if not request.user.has_perm(REPLAY):
            raise PermissionDenied
        event = get_object_or_404(WebhookEvent, pk=pk)
        if request.method == "POST":
            return self.replay(request, event)
        context = {
            **self.admin_site.each_context(request),
            "title": "Process again",
            "opts": self.opts,
            "event": event,
            "seen": seen(event),
            "back": reverse("admin:webhooks_webhookevent_change", args=[event.pk]),
            "waits": event.status == Status.RECEIVED,
        }
        return TemplateResponse(request, "admin/webhooks/webhookevent/replay.html", context)

    def replay(self, request: HttpRequest, event: WebhookEvent) -> HttpResponse:
        try:
            if request.POST.get("seen") != seen(event):
                raise StaleState
            inbox.replay(event)
        except StaleState:
            messages.warning(request, f"Nothing was done: {what_became_of(event)}")
            return redirect("admin:webhooks_webhookevent_replay", pk=event.pk)
        bell.ring()
        self.log_change(request, event, "Put back into the inbox.")
        messages.success(request, "The event is back in the inbox and is processed in a moment.")
        return redirect("admin:webhooks_webhookevent_change", event.pk)


def seen(event: WebhookEvent) -> str:
    """What the page showed when its button was offered."""
    return f"{event.status}:{event.attempts}:{event.processed_at}"


def what_became_of(event: WebhookEvent) -> str:
    event.refresh_from_db()
    return (
        f"the event changed while you looked at it. It is {event.get_status_display().lower()} "
        f"now, after {event.attempts} attempts."
    )
