"""People who work at the console, in their browsers."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from sessions_live.models import User


def staff(group: str = "", **rights: Any) -> Client:
    user = User.objects.create_user(f"{group or 'admin'}@example.org", is_staff=True, **rights)
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client
