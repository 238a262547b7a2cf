from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing.mails import outbox, preview
from billing.mails.models import Mail
from billing.mails.samples import SAMPLES
from config.kit.console_filters import Leading, LeadingChoices
from config.kit.decisions import DecidingAdmin, Decision, Done
from config.kit.errors import AppError
from config.kit.states import StaleState
from config.security import admin_policy, framing

Status = Mail.Status
TONES = {
    Status.QUEUED: "info",
    Status.SENDING: "info",
    Status.SENT: "success",
    Status.FAILED: "danger",
    Status.SKIPPED: "warning",
}


class TemplateFilter(Leading):
    title = "template"
    parameter_name = "template"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.replace("_", " ").capitalize()) for name in sorted(SAMPLES)]


@admin.register(Mail)
class MailAdmin(DecidingAdmin):
    decision = Decision(
        name="resend",
        title="Send again",
        button="Send again",
        icon="forward_to_inbox",
        permission="mails.resend_mail",
    )
    owner = "user"
    list_display = ("what", "to", "state", "attempts", "created_at", "sent_at")
    list_filter = (("status", LeadingChoices), TemplateFilter)
    search_help_text = "A person's e-mail address, a whole key such as receipt:…, or a mail's id"
    fieldsets = (
        (
            "Mail",
            {
                "fields": (
                    "subject",
                    "to",
                    "status",
                    "attempts",
                    "created_at",
                    "sent_at",
                    "next_attempt_at",
                    "good_until",
                    "resent",
                    "traceback",
                )
            },
        ),
        ("What it says", {"fields": ("mail",)}),
        ("Where it belongs", {"fields": ("user", "key", "message_id", "provider_message_id")}),
    )
    readonly_fields = ("mail", "traceback", "message_id")

    def exact(self, term: str) -> Q:
        return Q(key=term) | self.exact_uuid(term)

    @display(description="mail")
    def what(self, mail: Mail) -> str:
        return mail.subject or mail.template.replace("_", " ").capitalize()

    @display(description="status", label=TONES)
    def state(self, mail: Mail) -> tuple[str, str]:
        return mail.status, mail.get_status_display()

    @display(description="mail")
    def mail(self, mail: Mail) -> str:
        return preview.frame(reverse("admin:mails_mail_body", args=[mail.pk]))

    @display(description="error")
    def traceback(self, mail: Mail) -> str:
        return (
            format_html('<pre class="code" tabindex="0">{}</pre>', mail.error)
            if mail.error
            else "None"
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/body/", view(self.body_view), name="mails_mail_body"),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        response = super().change_view(request, *args, **options)
        response["Content-Security-Policy"] = framing(admin_policy())
        return response

    def body_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return preview.body_of(get_object_or_404(Mail, pk=pk))

    def shown(self, mail: Mail) -> dict[str, Any]:
        return {"waits": mail.status in Mail.WAITING}

    def decide(self, request: HttpRequest, mail: Mail, told: dict[str, Any]) -> Done:
        try:
            outbox.send_again(mail)
        except AppError as error:
            raise StaleState("The mail is waiting to be sent already.") from error
        return Done("The mail is sent again in a moment.", f"Sent again: {told['reason']}")
