"""Who of the staff may do what. The groups are made with the tables; what an operator adds to one
stays."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

LOOKING_INTO = (
    "apikeys",
    "billing",
    "usage",
    "mails",
    "wallet",
    "operations",
    "provisioning",
    "reconciliation",
    "webhooks",
    "sessions_live",
    "mirror",
    "privacy",
    "djstripe",
)
# dj-stripe's rows that hold secrets are for nobody but a superuser.
SECRET = Q(content_type__app_label="djstripe", codename__in=("view_apikey", "view_webhookendpoint"))
ACTS: dict[str, tuple[str, ...]] = {
    "Support": (
        "add_run",
        "revoke_apikey",
        "resend_mail",
        "change_message",
        "change_subscription",
    ),
    "Finance": (
        "add_run",
        "change_webhookevent",
        "change_difference",
        "change_message",
        "change_operation",
        "change_subscription",
        "add_entitlementoverride",
        "change_entitlementoverride",
        "add_correction",
        "add_release",
    ),
    "Auditor": (),
}


def make_roles(**_: Any) -> None:
    """Safe to repeat."""
    ours = Permission.objects.filter(content_type__app_label__in=LOOKING_INTO)
    looks = Q(codename__startswith="view_") & ~SECRET
    for name, acts in ACTS.items():
        group, _made = Group.objects.get_or_create(name=name)
        group.permissions.add(*ours.filter(looks | Q(codename__in=acts)))
