from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing.provisioning import outbox
from billing.provisioning.models import DeliveryAttempt, Message
from config.kit.console import ReadOnlyAdmin, ReadOnlyInline
from config.kit.errors import AppError
from config.kit.states import StaleState

Status = Message.Status
TONES = {Status.PENDING: "info", Status.DELIVERED: "success", Status.DEAD: "danger"}
SEND_AGAIN = "provisioning.change_message"


class SendAgainForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="Kept with your name and the time.")
    seen = forms.CharField(widget=forms.HiddenInput)


class AttemptInline(ReadOnlyInline):
    model = DeliveryAttempt
    fields = ("at", "status_code", "latency_ms", "error", "excerpt")
    show_change_link = False


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    owner = "user"
    list_display = ("type", "user", "state", "tries", "created_at", "delivered_at")
    list_filter = ("status",)
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

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.send_again_view)
        name = "provisioning_message_send_again"
        return [path("<int:pk>/send-again/", view, name=name), *super().get_urls()]

    def exact(self, term: str) -> Q:
        return Q(message_id=term)

    @display(description="status", label=TONES)
    def state(self, message: Message) -> tuple[str, str]:
        return message.status, message.get_status_display()

    @display(description="body")
    def content(self, message: Message) -> str:
        pretty = json.dumps(json.loads(message.body), indent=2, ensure_ascii=False)
        return format_html('<pre class="code" tabindex="0">{}</pre>', pretty)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_send": request.user.has_perm(SEND_AGAIN)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | may)

    def send_again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perm(SEND_AGAIN):
            raise PermissionDenied
        message = get_object_or_404(Message.objects.select_related("user"), pk=pk)
        fresh = SendAgainForm(initial={"seen": seen(message)})
        form = SendAgainForm(request.POST) if request.method == "POST" else fresh
        if form.is_bound and form.is_valid():
            return self.send_again(request, message, form)
        context = {
            **self.admin_site.each_context(request),
            "title": "Send again",
            "opts": self.opts,
            "message": message,
            "form": form,
            "waits": message.status == Status.PENDING,
            "newer": Message.objects.filter(user_id=message.user_id, pk__gt=message.pk).exists(),
            "back": reverse("admin:provisioning_message_change", args=[message.pk]),
        }
        return TemplateResponse(request, "admin/provisioning/message/send_again.html", context)

    def send_again(
        self, request: HttpRequest, message: Message, form: SendAgainForm
    ) -> HttpResponse:
        try:
            if form.cleaned_data["seen"] != seen(message):
                raise StaleState
            outbox.send_again(message)
        except AppError as refusal:
            messages.warning(request, f"Nothing was done. {refusal.detail}")
            return redirect("admin:provisioning_message_send_again", pk=message.pk)
        self.log_change(request, message, f"Sent again: {form.cleaned_data['reason']}")
        messages.success(request, "The message goes out again in a moment, with the same id.")
        return redirect("admin:provisioning_message_change", message.pk)


def seen(message: Message) -> str:
    """What the page showed when its button was offered."""
    return f"{message.status}:{message.tries}:{message.delivered_at}"
