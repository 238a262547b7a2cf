"""The last part of "why does somebody have access": which keys worked at a time, and why."""

from __future__ import annotations

from datetime import datetime

from apikeys.models import APIKey
from billing.access_history import Section
from billing.models import Entitlement
from billing.wording import day
from sessions_live.models import User

MOST_SHOWN = 50


def keys_at(user: User, at: datetime) -> Section:
    """Suspension has no dates of its own: a key works while its owner holds a right."""
    held = any(span.held_at(at) for span in Entitlement.objects.filter(user=user))
    keys = APIKey.objects.filter(user=user, created_at__lte=at).order_by("-id")[:MOST_SHOWN]
    return Section("API keys", [(str(key), because(key, at, held=held)) for key in keys])


def because(key: APIKey, at: datetime, *, held: bool) -> str:
    origin = "Made by the first payment" if key.from_payment else f"Made on {day(key.created_at)}"
    if key.revoked_at is not None and key.revoked_at <= at:
        return f"{origin}. Revoked on {day(key.revoked_at)}: {key.revoke_reason}."
    if key.expires_at is not None and key.expires_at <= at:
        return f"{origin}. Ran out on {day(key.expires_at)}."
    if not key.is_known(at):
        return f"{origin}. Not revealed yet, so nobody has it."
    if not held:
        return f"{origin}. Suspended: no right is in force."
    return f"{origin}. Works."
