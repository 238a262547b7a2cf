"""Every cookie sign-in, by page, admin or test client, opens and ends its live session here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import user_logged_in, user_logged_out
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest

from config.kit.client_address import client_address
from sessions_live import live
from sessions_live.cookies import SESSION_CLAIM, renew
from sessions_live.models import User
from sessions_live.sessions import end_session, end_sessions_of, open_session


@receiver(user_logged_in)
def open_cookie_session(request: HttpRequest, user: User, **_: Any) -> None:
    end_cookie_session(request, reason="replaced")
    session = open_session(
        user,
        ip=client_address(request.META),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
    )
    request.session[SESSION_CLAIM] = str(session.pk)
    renew(request.session)


@receiver(user_logged_out)
def end_cookie_session(request: HttpRequest, reason: str = "signed_out", **_: Any) -> None:
    session_id = request.session.get(SESSION_CLAIM)
    if session_id:
        end_session(session_id, reason=reason)


@receiver(post_save, sender=User)
def end_what_a_changed_user_may_no_longer(
    instance: User, created: bool, update_fields: Collection[str] | None, **_: Any
) -> None:
    if created:
        return
    if not instance.is_staff and "is_staff" in (update_fields or ["is_staff"]):
        live.demote(instance.pk)
    if not instance.is_active:
        end_sessions_of(instance, reason="disabled")
    # Django keeps the raw password here until the row is saved; a mere rehash clears it before.
    elif getattr(instance, "_password", None) is not None:
        end_sessions_of(instance, reason="password_changed", but=instance.live_session)
