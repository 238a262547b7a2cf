from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from billing import notices
from sessions_live.models import LiveSession, User
from sessions_live.signals import registered, signed_in_anew


@receiver(registered)
def welcome(user: User, **_: Any) -> None:
    notices.welcome(user)


@receiver(signed_in_anew)
def tell_of_new_device(session: LiveSession, **_: Any) -> None:
    notices.new_device(session)
