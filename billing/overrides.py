"""Exceptions that staff make for one person: a feature more or less, another quota. Each has a
reason and, mostly, an end; none is ever changed."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from billing import announcing
from billing.models import EntitlementOverride, Plan
from billing.usage import quotas
from config.kit.errors import AppError
from config.kit.states import StaleState
from sessions_live.models import User

Kind = EntitlementOverride.Kind


class UnknownName(AppError):
    code = "unknown_name"


class OverrideExists(AppError):
    code = "override_exists"
    status = 409
    detail = "There is one already; end it first."


class EndIsPast(AppError):
    code = "end_is_past"
    detail = "Its end has to lie ahead."


def names_of(kind: str) -> list[str]:
    """What an override can be about: all that any plan has."""
    if kind == Kind.QUOTA:
        return quotas.known_types()
    features = Plan.objects.values_list("features", flat=True)
    return sorted({name for each in features for name in each})


@transaction.atomic
def add_override(
    user: User,
    *,
    kind: str,
    name: str,
    reason: str,
    by: User,
    allowed: bool = True,
    limit: int | None = None,
    until: datetime | None = None,
) -> EntitlementOverride:
    """Raises UnknownName, OverrideExists, EndIsPast."""
    now = timezone.now()
    if name not in names_of(kind):
        raise UnknownName(f"There is no {kind} {name!r}; there are: {', '.join(names_of(kind))}.")
    if until is not None and until <= now:
        raise EndIsPast()
    # Two who add at the same time wait here for each other.
    allowance = quotas.hold(user.pk)
    same = EntitlementOverride.objects.filter(user=user, kind=kind, name=name, ended_at=None)
    for former in same:
        if former.holds(now):
            raise OverrideExists()
        former.ended_at, former.end_reason = former.until, "It came to its end."
        former.save(update_fields=["ended_at", "end_reason"])
    made = EntitlementOverride.objects.create(
        user=user,
        kind=kind,
        name=name,
        allowed=allowed,
        limit=limit,
        until=until,
        reason=reason,
        by=by,
        created_at=now,
    )
    _tell(allowance)
    announcing.tell_exception(made, now)
    return made


@transaction.atomic
def end_override(override: EntitlementOverride, *, reason: str, by: User) -> None:
    """Raises StaleState where it has ended already."""
    now = timezone.now()
    allowance = quotas.hold(override.user_id)
    held = EntitlementOverride.objects.held_at(now).filter(pk=override.pk, ended_at=None)
    if not held.update(ended_at=now, ended_by=by, end_reason=reason):
        raise StaleState("It has ended already.")
    _tell(allowance)
    override.refresh_from_db()
    announcing.tell_exception(override, now)


def _tell(allowance: quotas.Allowance) -> None:
    told = EntitlementOverride.objects.held_at(timezone.now()).filter(
        user_id=allowance.user_id, kind=Kind.QUOTA
    )
    quotas.override(allowance, {each.name: (each.limit, each.until) for each in told})
