from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from billing.provisioning import outbox
from billing.provisioning.models import DeliveryAttempt, Message
from config.kit.console import ReadOnlyInline
from config.kit.console_filters import LeadingChoices
from config.kit.decisions import DecidingAdmin, Decision, Done, ReasonForm

Status = Message.Status
TONES = {Status.PENDING: "info", Status.DELIVERED: "success", Status.DEAD: "danger"}


class SendAgainForm(ReasonForm):
    seen = forms.CharField(widget=forms.HiddenInput)


class AttemptInline(ReadOnlyInline):
    model = DeliveryAttempt
    fields = ("at", "status_code", "latency_ms", "error", "excerpt")
    show_change_link = False


@admin.register(Message)
class MessageAdmin(DecidingAdmin):
    decision = Decision(
        name="send_again",
        title="Send again",
        button="Send again",
        icon="send",
        permission="provisioning.change_message",
        form=SendAgainForm,
    )
    owner = "user"
    list_display = ("type", "user", "state", "tries", "created_at", "delivered_at")
    list_filter = (("status", LeadingChoices),)
    list_select_related = ("user",)
    search_help_text = "A person's e-mail address, or a whole id msg_…"
    inlines: ClassVar[list[Any]] = [AttemptInline]
    fieldsets = (
        (
            "Message",
            {
                "fields": (
                    "type",
                    "user",
                    "status",
                    "tries",
                    "created_at",
                    "delivered_at",
                    "next_attempt_at",
                    "give_up_at",
                )
            },
        ),
        ("As it is sent", {"fields": ("message_id", "about", "content")}),
    )
    readonly_fields = ("content",)

    def exact(self, term: str) -> Q:
        return Q(message_id=term)

    @display(description="status", label=TONES)
    def state(self, message: Message) -> tuple[str, str]:
        return message.status, message.get_status_display()

    @display(description="body")
    def content(self, message: Message) -> str:
        pretty = json.dumps(json.loads(message.body), indent=2, ensure_ascii=False)
        return format_html('<pre class="code" tabindex="0">{}</pre>', pretty)

    def seen(self, message: Message) -> str:
        return f"{message.status}:{message.tries}:{message.delivered_at}"

    def shown(self, message: Message) -> dict[str, Any]:
        later = Message.objects.filter(user_id=message.user_id, pk__gt=message.pk)
        return {"waits": message.status == Status.PENDING, "newer": later.exists()}

    def decide(self, request: HttpRequest, message: Message, told: dict[str, Any]) -> Done:
        outbox.send_again(message)
        words = "The message goes out again in a moment, with the same id."
        return Done(words, f"Sent again: {told['reason']}")
