"""Why we tell something otherwise than the provider: what the inbox and our calls say of it, and
nothing where they say nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from billing.operations.models import Operation
from billing.reconciliation.comparers import Found
from billing.reconciliation.models import Difference, Run
from billing.webhooks.models import WebhookEvent

Cause = Difference.Cause
Status = WebhookEvent.Status

# As long as Stripe can be asked for an event.
EVENTS_KEPT = timedelta(days=30)
# Rows of the inbox that one statement looks through, and how many statements at most.
WINDOW, WINDOWS = 5_000, 40


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that names an object. `by` says at whose request it happened, where it says."""

    event_id: str
    object_id: str
    type: str
    status: str
    at: datetime
    by: str
    error: str

    @property
    def words(self) -> str:
        return f"{self.type} {self.event_id} of {self.at:%Y-%m-%d %H:%M:%S} ({self.by})"


def explained(run: Run, found: Sequence[Found]) -> list[Found]:
    """The same with their causes."""
    open_questions = [each for each in found if not each.cause]
    told, complete = heard_of(run, open_questions)
    return [
        each if each.cause else replace(each, **explain(run, each, told, complete=complete))
        for each in found
    ]


def explain(
    run: Run, found: Found, told: dict[str, list[Heard]], *, complete: bool
) -> dict[str, Any]:
    names = (found.object_id, *found.about)
    naming = {each for name in names for each in told.get(name, [])}
    # An invoice's event names its subscription too, but says little of it.
    events = {each for each in naming if each.object_id in names} or naming
    # Of one second that counts which took effect: another may tell of nothing that we keep.
    in_order = sorted(events, key=lambda each: (each.at, each.status == Status.PROCESSED))
    cause, evidence = judge(run, found, in_order, complete=complete)
    return {"cause": cause, "evidence": evidence[:500]}


def judge(
    run: Run, found: Found, events: list[Heard], *, complete: bool
) -> tuple[Difference.Cause, str]:
    if not events:
        return without_events(run, found, complete=complete)
    if dead := [each for each in events if each.status == Status.FAILED]:
        return Cause.DEAD_LETTER, f"{dead[-1].words} was given up: {dead[-1].error}."
    if found.kind.endswith("_orphaned"):
        return without_them(events[-1])
    taken = [each for each in events if each.status == Status.PROCESSED]
    if not taken:
        return Cause.SET_ASIDE, f"{events[-1].words} was put aside: it meant nothing to us."
    last = events[-1]
    if last.status == Status.IGNORED and is_news(found, last):
        cause = Cause.SET_ASIDE if last.by == BY_US else Cause.CHANGED_THERE
        return cause, f"{last.words} was put aside: it meant nothing to us."
    if is_news(found, taken[-1]):
        return Cause.NO_EFFECT, f"{taken[-1].words} was taken, and our row does not show it."
    return Cause.CHANGED_HERE, (
        f"{taken[-1].words} took effect, our row has news of {found.heard_at:%Y-%m-%d %H:%M:%S},"
        " and tells otherwise."
    )


def is_news(found: Found, event: Heard) -> bool:
    """Whether it is later than all that our row has heard, if there is one."""
    return found.heard_at is None or event.at > found.heard_at


def without_events(run: Run, found: Found, *, complete: bool) -> tuple[Difference.Cause, str]:
    if not complete:
        return Cause.UNKNOWN, "The inbox is too long to look through for its events."
    old = found.made_at is not None and found.made_at < timezone.now() - EVENTS_KEPT
    if found.kind.endswith("_orphaned"):
        if made := Operation.objects.filter(
            provider=run.provider, provider_id__in=[found.object_id, *found.about]
        ).first():
            return Cause.CHANGED_THERE, f"Our call {made.pk} ({made.kind}) made it there."
        return Cause.CHANGED_HERE, "No event tells of it, and no call of ours made it."
    if old:
        return Cause.MISSED, "No event of it is in the inbox; the provider keeps none so long."
    if run.scope == Run.Scope.ALL:
        return Cause.UNKNOWN, "Neither the inbox nor the provider has an event of it."
    return Cause.MISSED, "No event of it is in the inbox."


def without_them(last: Heard) -> tuple[Difference.Cause, str]:
    if last.type.endswith(".deleted"):
        return Cause.CHANGED_THERE, f"{last.words} says that it was deleted there."
    return Cause.UNKNOWN, f"The provider told of it in {last.words}, and knows it no more."


# --- what the inbox has ---------------------------------------------------------------------------
def heard_of(run: Run, found: Iterable[Found]) -> tuple[dict[str, list[Heard]], bool]:
    """Events by the ids that they name, and whether all that could name them were looked at.

    One pass through the inbox for all of them, from its end back to the oldest object's beginning.
    """
    found = list(found)
    names = {name for each in found for name in (each.object_id, *each.about) if name}
    told: dict[str, list[Heard]] = defaultdict(list)
    if not names:
        return told, True
    pattern = re.compile("|".join(re.escape(name) for name in sorted(names)))
    since = beginning(found)
    events = WebhookEvent.objects.filter(provider=run.provider)
    end = events.aggregate(last=Max("pk"))["last"] or 0
    for _ in range(WINDOWS):
        window = WebhookEvent.objects.filter(
            provider=run.provider, pk__gt=end - WINDOW, pk__lte=end
        )
        for event in window.filter(body__regex=pattern.pattern):
            for name in set(pattern.findall(event.body)):
                told[name].append(heard(event))
        end -= WINDOW
        if end <= 0 or (since is not None and window.filter(received_at__lt=since).exists()):
            return told, True
    return told, False


def beginning(found: list[Found]) -> datetime | None:
    """No event of an object is older than the object; unknown where one does not tell its age."""
    times = [each.made_at for each in found if each.made_at is not None]
    return min(times) - timedelta(days=1) if len(times) == len(found) else None


BY_US, BY_NOBODY, BY_OTHERS = "by our own call", "at nobody's request", "by no call of ours"


def heard(event: WebhookEvent) -> Heard:
    payload = event.payload
    return Heard(
        event_id=event.event_id,
        object_id=str((payload["data"]["object"] or {}).get("id", "")),
        type=event.type,
        status=event.status,
        at=datetime.fromtimestamp(payload["created"], UTC),
        by=at_whose_request(payload.get("request")),
        # Its kind alone: what it says may be personal, and is to be forgotten with the event.
        error=event.error.strip().rpartition("\n")[2].partition(":")[0],
    )


def at_whose_request(request: Any) -> str:
    """Stripe names the request that changed something, and its idempotency key, which is an
    operation's id where the request was ours. None is named for what Stripe does by itself."""
    if not isinstance(request, dict) or not request.get("id"):
        return BY_NOBODY
    try:
        key = UUID((request.get("idempotency_key") or "")[:36])
    except ValueError:
        return BY_OTHERS
    return BY_US if Operation.objects.filter(pk=key).exists() else BY_OTHERS
