"""A run: events that never came first, then what still differs. Again, it changes nothing.

Nothing is asked of the provider inside a transaction, and whatever changes one of our rows is the
handler that the webhook would have called.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from billing import bookkeeping
from billing.providers import get_provider
from billing.providers.base import ProviderError
from billing.providers.comparing import Listed
from billing.providers.facts import Delivery
from billing.reconciliation import differences, repairing
from billing.reconciliation.comparers import Comparer, Found, Look, Scope
from billing.reconciliation.models import DONE, EVENTS, SILENT, Run
from billing.reconciliation.order import COMPARERS
from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User

alarm = logging.getLogger("alarm")

# What a delivery may take, and what clocks may differ by.
OVERLAP = timedelta(hours=2)
CLOCKS = timedelta(minutes=5)
# What was not done in a day is begun anew.
PATIENCE = timedelta(days=1)


class UnderWay(Exception):
    """Somebody else carries this run on at the moment."""


def begin(
    *,
    scope: str = Run.Scope.ALL,
    since: datetime | None = None,
    customer: str = "",
    fix: bool = False,
    by: User | None = None,
    provider: str = "stripe",
) -> Run:
    """The same run where one of the same is not over yet; `carry_on` does the work."""
    now = timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            name = f"reconciliation:{provider}:{scope}:{customer}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        open_runs = Run.objects.unfinished().filter(
            provider=provider, scope=scope, customer=customer, fix=fix
        )
        give_up(open_runs.filter(started_at__lt=now - PATIENCE))
        # A run of the recent past that began earlier has looked further back.
        run = open_runs.filter(Q(since=None) | Q(since__lte=since or now)).first()
        return run or Run.objects.create(
            provider=provider,
            scope=scope,
            since=since,
            customer=customer,
            fix=fix,
            by=by,
            stage=COMPARERS[0].name if scope == Run.Scope.CUSTOMER else EVENTS,
            started_at=now,
        )


def carry_on(run: Run) -> Run:
    """To its end, from wherever it was left. Raises UnderWay, and ProviderError: it then waits to
    be carried on."""
    now = timezone.now()
    free = Q(seen_at=None) | Q(seen_at__lt=now - SILENT)
    if not Run.objects.unfinished().filter(free, pk=run.pk).update(seen_at=now, trouble=""):
        raise UnderWay()
    run.refresh_from_db()
    scope = Scope(run, get_provider(run.provider))
    try:
        if run.stage == EVENTS:
            recover_events(scope)
            advance(run, COMPARERS[0].name)
        for comparer in COMPARERS:
            if run.stage == comparer.name:
                compare(scope, comparer)
                advance(run, following(comparer))
        if run.fix:
            repair_all(run)
    except ProviderError as error:
        Run.objects.filter(pk=run.pk).update(seen_at=None, trouble=error.detail[:300])
        raise
    Run.objects.filter(pk=run.pk).update(finished_at=timezone.now(), seen_at=None)
    run.refresh_from_db()
    return run


def left() -> list[Run]:
    """Those that nobody carries on at the moment."""
    free = Q(seen_at=None) | Q(seen_at__lt=timezone.now() - SILENT)
    return list(Run.objects.unfinished().filter(free).order_by("started_at"))


def following(comparer: Comparer) -> str:
    rest = COMPARERS[COMPARERS.index(comparer) + 1 :]
    return rest[0].name if rest else DONE


def give_up(runs: QuerySet[Run]) -> None:
    for run in runs:
        Run.objects.filter(pk=run.pk).update(
            finished_at=timezone.now(), trouble=f"Given up after a day. {run.trouble}"[:300]
        )
        alarm.error("reconciliation given up: %s", run)


def advance(run: Run, stage: str) -> None:
    run.stage, run.cursor, run.seen_at = stage, "", timezone.now()
    run.save(update_fields=["stage", "cursor", "seen_at"])


def note_page(run: Run, cursor: str) -> None:
    run.cursor, run.seen_at = cursor, timezone.now()
    run.save(update_fields=["cursor", "seen_at"])


# --- events ---------------------------------------------------------------------------------------
def recover_events(scope: Scope) -> None:
    """Puts what never came into the inbox, where what came already is a row."""
    run = scope.run
    since = run.since - OVERLAP if run.since else None
    while True:
        page = scope.ask(scope.client.list_events, since, run.cursor)
        count(run, events_seen=len(page.items), events_recovered=store(run.provider, page))
        if not page.after:
            break
        note_page(run, page.after)
    inbox.drain()


def store(provider: str, page: Listed[Delivery]) -> int:
    events = {event.event_id: event for event in page.items}
    known = WebhookEvent.objects.filter(provider=provider, event_id__in=events)
    for event_id in known.values_list("event_id", flat=True):
        events.pop(event_id)
    # The newest is listed first, and should be taken last.
    rows = [
        WebhookEvent(provider=provider, event_id=e.event_id, type=e.type, body=e.body)
        for e in reversed(events.values())
    ]
    WebhookEvent.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def take_news(scope: Scope) -> None:
    """What changed while we look has its event, and the provider's fee, by now."""
    since, after = scope.run.started_at - CLOCKS, ""
    while True:
        page = scope.ask(scope.client.list_events, since, after)
        store(scope.run.provider, page)
        if not page.after:
            break
        after = page.after
    inbox.drain()
    scope.ask(bookkeeping.collect_fees, scope.run.provider)


# --- objects --------------------------------------------------------------------------------------
def compare(scope: Scope, comparer: Comparer) -> None:
    run = scope.run
    while True:
        seen, settled = look_twice(scope, comparer, run.cursor)
        differences.report(run, settled)
        differences.close_gone(run, comparer, seen)
        count(run, objects_seen=len(seen.looked_at))
        if seen.trouble:
            Run.objects.filter(pk=run.pk).update(trouble=seen.trouble)
        if not seen.after:
            return
        note_page(run, seen.after)


def look_twice(scope: Scope, comparer: Comparer, after: str) -> tuple[Look, list[Found]]:
    """Where something differs the newest events are taken first, and only what then still differs,
    and has no event on its way, is reported."""
    seen = comparer.look(scope, after)
    if not differences.unknown_yet(scope.run, seen.found):
        return seen, seen.found
    take_news(scope)
    seen = comparer.look(scope, after)
    return seen, [each for each in seen.found if not in_flight(each)]


def in_flight(found: Found) -> bool:
    waiting = WebhookEvent.objects.filter(status=WebhookEvent.Status.RECEIVED)
    named = Q()
    for name in (found.object_id, *found.about):
        named |= Q(body__contains=name)
    return waiting.filter(named).exists()


def repair_all(run: Run) -> None:
    for difference in differences.to_repair(run):
        count(run, repaired=int(repairing.repair(difference, run=run)))
        note_page(run, "")


def count(run: Run, **more: int) -> None:
    Run.objects.filter(pk=run.pk).update(**{name: F(name) + n for name, n in more.items()})
