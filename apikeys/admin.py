from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.decorators import display

from apikeys import keys
from apikeys.models import APIKey
from config.kit.decisions import DecidingAdmin, Decision, Done
from config.kit.states import StaleState

Status = APIKey.Status
TONES = {Status.UNREVEALED: "info", Status.ACTIVE: "success", Status.SUSPENDED: "warning"}


@admin.register(APIKey)
class APIKeyAdmin(DecidingAdmin):
    """What is known about keys. Their hashes are for nobody to look at, their secrets nowhere."""

    decision = Decision(
        name="revoke",
        title="Revoke this key",
        button="Revoke",
        icon="key_off",
        permission="apikeys.revoke_apikey",
        form=forms.Form,
    )

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

    def is_open(self, key: APIKey) -> bool:
        return key.status != Status.REVOKED

    def decide(self, request: HttpRequest, key: APIKey, told: dict[str, Any]) -> Done:
        # Its owner reads this; by whom of the staff is in the key's history.
        if not keys.revoke(key, reason="by staff"):
            raise StaleState("The key was revoked before.")
        return Done("The key is revoked; nothing gets in with it any more.", "Revoked.")
