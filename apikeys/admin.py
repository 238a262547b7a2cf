from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from apikeys import keys
from apikeys.models import APIKey
from config.kit.console import ReadOnlyAdmin

Status = APIKey.Status
TONES = {Status.UNREVEALED: "info", Status.ACTIVE: "success", Status.SUSPENDED: "warning"}
REVOKE = "apikeys.revoke_apikey"


@admin.register(APIKey)
class APIKeyAdmin(ReadOnlyAdmin):
    """What is known about keys. Their hashes are for nobody to look at, their secrets nowhere."""

    owner = "user"
    list_display = ("name", "prefix", "user", "state", "last_used_at", "expires_at", "created_at")
    list_select_related = ("user",)
    list_filter = ("status",)
    search_help_text = "A person's e-mail address, or a key's number"
    fieldsets = (
        (
            "Key",
            {
                "fields": (
                    "name",
                    "prefix",
                    "status",
                    "scopes",
                    "created_at",
                    "last_used_at",
                    "expires_at",
                    "revoked_at",
                    "revoke_reason",
                )
            },
        ),
        ("Where it belongs", {"fields": ("user", "from_payment", "successor", "id")}),
    )

    def exact(self, term: str) -> Q:
        return Q(pk=int(term)) if term.isdecimal() else Q(pk__in=[])

    @display(description="status", label=TONES)
    def state(self, key: APIKey) -> tuple[str, str]:
        return ("", "Expired") if key.is_expired else (key.status, key.get_status_display())

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        return [path("<int:pk>/revoke/", revoke, name="apikeys_apikey_revoke"), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_revoke": request.user.has_perm(REVOKE)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | may)

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A page that tells what will happen; only its button does it."""
        if not request.user.has_perm(REVOKE):
            raise PermissionDenied
        key = get_object_or_404(APIKey.objects.select_related("user"), pk=pk)
        back = reverse("admin:apikeys_apikey_change", args=[key.pk])
        if request.method == "POST":
            if keys.revoke(key, reason=f"by {request.user}"):
                self.log_change(request, key, "Revoked.")
                messages.success(request, "The key is revoked; nothing gets in with it any more.")
            else:
                messages.warning(request, "Nothing was done: the key was revoked before.")
            return redirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": "Revoke this key",
            "opts": self.opts,
            "key": key,
            "back": back,
        }
        return TemplateResponse(request, "admin/apikeys/apikey/revoke.html", context)
