from __future__ import annotations

from typing import Any
from uuid import UUID

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

from billing.mails import outbox, preview
from billing.mails.models import Mail
from config.kit.console import ReadOnlyAdmin
from config.kit.errors import AppError
from config.security import admin_policy, framing

Status = Mail.Status
TONES = {
    Status.QUEUED: "info",
    Status.SENDING: "info",
    Status.SENT: "success",
    Status.FAILED: "danger",
    Status.SKIPPED: "warning",
}
RESEND = "mails.resend_mail"


class ResendForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="Kept with your name and the time.")


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    owner = "user"
    list_display = ("what", "to", "state", "attempts", "created_at", "sent_at")
    list_filter = ("status", "template")
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
            path("<uuid:pk>/resend/", view(self.resend_view), name="mails_mail_resend"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_resend": request.user.has_perm(RESEND)}
        response = super().change_view(request, object_id, form_url, (extra_context or {}) | may)
        response["Content-Security-Policy"] = framing(admin_policy())
        return response

    def body_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return preview.body_of(get_object_or_404(Mail, pk=pk))

    def resend_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """A page that tells what will happen and asks why; only its button does it."""
        if not request.user.has_perm(RESEND):
            raise PermissionDenied
        mail = get_object_or_404(Mail, pk=pk)
        form = ResendForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            return self.resend(request, mail, reason=form.cleaned_data["reason"])
        context = {
            **self.admin_site.each_context(request),
            "title": "Send again",
            "opts": self.opts,
            "mail": mail,
            "waits": mail.status in Mail.WAITING,
            "form": form,
            "back": reverse("admin:mails_mail_change", args=[mail.pk]),
        }
        return TemplateResponse(request, "admin/mails/mail/resend.html", context)

    def resend(self, request: HttpRequest, mail: Mail, *, reason: str) -> HttpResponse:
        try:
            outbox.send_again(mail)
        except AppError:
            messages.warning(request, "Nothing was done: the mail is waiting to be sent already.")
        else:
            self.log_change(request, mail, f"Sent again: {reason}")
            messages.success(request, "The mail is sent again in a moment.")
        return redirect("admin:mails_mail_change", mail.pk)
