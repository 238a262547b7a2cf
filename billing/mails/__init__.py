"""What people are told by mail: rows that are written with what happened, and sent afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessions_live.models import User


def queue(
    *,
    user: User,
    template: str,
    key: str,
    context: dict[str, Any],
    to: str | None = None,
    good_until: datetime | None = None,
    settles_in: timedelta = timedelta(0),
) -> None:
    """One mail per `key`, whoever asks for it and however often; in the caller's transaction.

    A repetition before the first sending corrects its context (`settles_in` gives it time to), and
    may bring it forward; an empty text takes nothing back.
    What nobody may be told any more after `good_until` is skipped. `samples.py` shows the contexts.
    """
    from billing.mails import outbox  # needs Django's apps to be loaded

    wanted = outbox.Wanted(
        user.pk, template, key, context, to or (user.email if user.is_reachable else "")
    )
    outbox.write(wanted, good_until=good_until, settles_in=settles_in)


def sent_at(key: str) -> datetime | None:
    """None where it waits, or never went."""
    from billing.mails.models import Mail

    rows = Mail.objects.filter(key=key, status=Mail.Status.SENT)
    return rows.values_list("sent_at", flat=True).first()


def withdraw(key: str) -> None:
    """What is not to be told any more, if nobody has begun to tell it."""
    from billing.mails import outbox

    outbox.withdraw(key)
