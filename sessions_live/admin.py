from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.kit.console import CappedPaginator, ReadOnlyAdmin
from sessions_live.forms import ReasonForm, StaffSignInForm
from sessions_live.models import LiveSession, User
from sessions_live.sessions import end_session

REVOKE = "sessions_live.change_livesession"

admin.site.login_form = StaffSignInForm
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("-pk",)
    sortable_by = ("email",)
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    list_display = ("email", "name", "is_active", "is_staff", "created_at")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "name")
    readonly_fields = ("last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        (
            "Permissions",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": ("created_at", "last_login")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("email", "name", "password1", "password2")}),
    )


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


@admin.register(LiveSession)
class LiveSessionAdmin(ReadOnlyAdmin):
    """Sessions are ended on a page of its own, and never deleted."""

    list_display = (
        "user",
        "device_name",
        "ip",
        "location",
        "created_at",
        "last_active_at",
        "state",
    )
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_help_text = "A person's e-mail address, or a whole session id"
    owner = "user"
    exclude = ("refresh_jti",)

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        name = "sessions_live_livesession_revoke"
        return [path("<uuid:pk>/revoke/", revoke, name=name), *super().get_urls()]

    @display(description="state", label={"live": "success"})
    def state(self, session: LiveSession) -> tuple[str, str]:
        if session.is_live:
            return "live", "Live"
        return "over", session.end_reason.replace("_", " ").capitalize() or "Over"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        live = LiveSession.objects.live().filter(pk=object_id).exists()
        may = {"may_revoke": live and request.user.has_perm(REVOKE)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | may)

    def revoke_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """A page that tells what will happen and asks why; only its button does it."""
        if not request.user.has_perm(REVOKE):
            raise PermissionDenied
        session = get_object_or_404(LiveSession.objects.select_related("user"), pk=pk)
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return self.revoke(request, session, reason=form.cleaned_data["reason"])
        context = {
            **self.admin_site.each_context(request),
            "title": "End this session",
            "opts": self.opts,
            "session": session,
            "form": form,
            "back": reverse("admin:sessions_live_livesession_change", args=[session.pk]),
        }
        return TemplateResponse(request, "admin/sessions_live/livesession/revoke.html", context)

    def revoke(self, request: HttpRequest, session: LiveSession, *, reason: str) -> HttpResponse:
        if end_session(session.pk, reason="ended_by_staff"):
            self.log_change(request, session, f"Ended the session: {reason}")
            messages.success(request, "The session is over.")
        else:
            messages.info(request, "Nothing was done: the session was over already.")
        return redirect("admin:sessions_live_livesession_change", session.pk)
