from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.kit.console import CappedPaginator, ReadOnlyAdmin
from sessions_live.forms import StaffSignInForm
from sessions_live.models import LiveSession, User

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
    """To look at only: sessions are ended where that is audited, and never deleted."""

    owner = "user"
    search_help_text = "A person's e-mail address, or a whole session id"
    list_display = ("user", "ip", "user_agent", "created_at", "last_active_at", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    exclude = ("refresh_jti",)
