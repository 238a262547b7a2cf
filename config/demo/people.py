"""The demo's cast. Everyone's password is `demo`, which a real product would refuse."""

from __future__ import annotations

from django.contrib.auth.models import Group

from sessions_live.models import User

CUSTOMERS = ("alice", "bob", "dora")
STAFF = {"support": "Support", "finance": "Finance", "auditor": "Auditor"}


def welcome_people() -> None:
    """Safe to call again: somebody who is there already keeps what they have."""
    for name in CUSTOMERS:
        _welcome(name)
    for name, group in STAFF.items():
        _welcome(name, is_staff=True).groups.add(Group.objects.get(name=group))
    _welcome("admin", is_staff=True, is_superuser=True)


def _welcome(name: str, **rights: bool) -> User:
    email = f"{name}@example.com"
    known = User.objects.filter(email=email).first()
    return known or User.objects.create_user(email, "demo", name=name.title(), **rights)
