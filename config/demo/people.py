"""The demo's cast. Everyone's password is `demo`, which a real product would refuse."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission

from sessions_live.models import User

CUSTOMERS = ("alice", "bob", "dora")
STAFF = {"support": "Support", "finance": "Finance", "auditor": "Auditor"}
# What each group may do with the inbox and the rows, besides looking at all of them.
MAY_CHANGE = {"Support": ("webhookevent",), "Finance": ("webhookevent",), "Auditor": ()}
ROOMS = ("billing", "webhooks", "sessions_live", "djstripe")


def welcome_people() -> None:
    """Safe to call again: somebody who is there already keeps what they have."""
    for name in CUSTOMERS:
        _welcome(name)
    for name, title in STAFF.items():
        _welcome(name, is_staff=True).groups.add(_group(title))
    _welcome("admin", is_staff=True, is_superuser=True)


def _welcome(name: str, **rights: bool) -> User:
    email = f"{name}@example.com"
    known = User.objects.filter(email=email).first()
    return known or User.objects.create_user(email, "demo", name=name.title(), **rights)


def _group(title: str) -> Group:
    group, _ = Group.objects.get_or_create(name=title)
    ours = Permission.objects.filter(content_type__app_label__in=ROOMS)
    group.permissions.add(*ours.filter(codename__startswith="view_"))
    changes = [f"change_{model}" for model in MAY_CHANGE[title]]
    group.permissions.add(*ours.filter(codename__in=changes))
    return group
