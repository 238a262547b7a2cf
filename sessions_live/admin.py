from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.kit.console import MOST_COUNTED, CappedPaginator
from config.kit.decisions import DecidingAdmin, Decision, Done
from config.kit.states import StaleState
from sessions_live.forms import StaffSignInForm
from sessions_live.models import LiveSession, User, normal_email
from sessions_live.sessions import end_session

# Nobody turns pages further.
MOST_FOUND = MOST_COUNTED + 1

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
    search_help_text = "The beginning of an e-mail address, or a whole name"
    readonly_fields = ("last_login", "created_at", "sessions")
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        (
            "Permissions",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Sign-ins", {"fields": ("created_at", "last_login", "sessions")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("email", "name", "password1", "password2")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """Each of both has an index, and is asked for by itself so that it is used."""
        term = search_term.strip()
        if not term:
            return queryset, False
        people = User.objects.order_by().values("pk")
        by_email = people.filter(email__startswith=normal_email(term))[:MOST_FOUND]
        by_name = people.filter(name__iexact=term)[:MOST_FOUND]
        return queryset.filter(pk__in=by_email.union(by_name)), False

    @display(description="live sessions")
    def sessions(self, user: User) -> str:
        """Where each of them is ended."""
        theirs = {"q": user.email, "ended_at__isempty": "1"}
        page = reverse("admin:sessions_live_livesession_changelist", query=theirs)
        return format_html('<a href="{}">{}</a>', page, user.live_sessions.live().count())


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


@admin.register(LiveSession)
class LiveSessionAdmin(DecidingAdmin):
    """Sessions are ended on a page of its own, and never deleted."""

    decision = Decision(
        name="revoke",
        title="End this session",
        button="End this session",
        icon="logout",
        permission="sessions_live.change_livesession",
    )

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

    @display(description="state", label={"live": "success"})
    def state(self, session: LiveSession) -> tuple[str, str]:
        if session.is_live:
            return "live", "Live"
        return "over", session.end_reason.replace("_", " ").capitalize() or "Over"

    def is_open(self, session: LiveSession) -> bool:
        return session.is_live

    def decide(self, request: HttpRequest, session: LiveSession, told: dict[str, Any]) -> Done:
        if not end_session(session.pk, reason="ended_by_staff"):
            raise StaleState("The session was over already.")
        return Done("The session is over.", f"Ended the session: {told['reason']}")
