"""A run: events that never came first, then what still differs. Again, it changes nothing.

Nothing is asked of the provider inside a transaction, and whatever changes one of our rows is the
handler that the webhook would have called.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from billing.models import Subscription
from billing.providers import get_provider
from billing.providers.base import Listed, Provider
from billing.providers.facts import Delivery, Fact
from billing.reconciliation import comparing, repairing
from billing.reconciliation.comparing import Found
from billing.reconciliation.models import Difference, Run
from billing.webhooks import inbox
from billing.webhooks.models import WebhookEvent

# What a delivery may take, and what clocks may differ by.
OVERLAP = timedelta(hours=2)
CLOCKS = timedelta(minutes=5)
SILENT = timedelta(minutes=10)
Stage = Run.Stage
Compare = Callable[[list[Fact]], list[Found]]
ListPage = Callable[[datetime | None, str], Listed[Fact]]


def reconcile(*, since: datetime | None, fix: bool = False, provider: str = "stripe") -> Run:
    """Goes on with a run that was killed. Raises ProviderError; the run then waits to go on."""
    now = timezone.now()
    run = Run.objects.filter(
        provider=provider, since=since, finished_at=None, seen_at__lt=now - SILENT
    ).first()
    if run is None:
        run = Run.objects.create(
            provider=provider, since=since, fix=fix, started_at=now, seen_at=now
        )
    client = get_provider(provider)
    if run.stage == Stage.EVENTS:
        recover_events(run, client)
        advance(run, Stage.SUBSCRIPTIONS)
    if run.stage == Stage.SUBSCRIPTIONS:
        compare(run, client, client.list_subscriptions, comparing.subscriptions)
        advance(run, Stage.PAYMENTS)
    if run.stage == Stage.PAYMENTS:
        compare(run, client, client.list_payments, comparing.payments)
        advance(run, Stage.ENTITLEMENTS)
    if run.stage == Stage.ENTITLEMENTS:
        compare_entitlements(run)
        advance(run, Stage.DONE)
    if run.fix:
        repair_all(run)
    Run.objects.filter(pk=run.pk).update(finished_at=timezone.now())
    run.refresh_from_db()
    return run


def advance(run: Run, stage: str) -> None:
    run.stage, run.cursor, run.seen_at = stage, "", timezone.now()
    run.save(update_fields=["stage", "cursor", "seen_at"])


def note_page(run: Run, cursor: str) -> None:
    run.cursor, run.seen_at = cursor, timezone.now()
    run.save(update_fields=["cursor", "seen_at"])


def recover_events(run: Run, client: Provider) -> None:
    """Puts what never came into the inbox, where what came already is a row."""
    since = run.since - OVERLAP if run.since else None
    while True:
        page = client.list_events(since, run.cursor)
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


def compare(run: Run, client: Provider, listing: ListPage, judge: Compare) -> None:
    while True:
        page = listing(run.since, run.cursor)
        count(run, objects_seen=len(page.items))
        if judge(page.items):
            report(run, look_again(run, client, listing, judge))
        if not page.after:
            return
        note_page(run, page.after)


def look_again(run: Run, client: Provider, listing: ListPage, judge: Compare) -> list[Found]:
    """What changed while we looked has its event by now: that is taken first, and only what still
    differs is reported."""
    page = client.list_events(run.started_at - CLOCKS, "")
    store(run.provider, page)
    while page.after:
        page = client.list_events(run.started_at - CLOCKS, page.after)
        store(run.provider, page)
    inbox.drain()
    return [each for each in judge(listing(run.since, run.cursor).items) if not in_flight(each)]


def in_flight(found: Found) -> bool:
    waiting = WebhookEvent.objects.filter(status=WebhookEvent.Status.RECEIVED)
    return waiting.filter(body__contains=found.object_id).exists()


def compare_entitlements(run: Run) -> None:
    rows: QuerySet[Subscription] = Subscription.objects.select_related("plan").order_by("pk")
    rows = rows.filter(provider=run.provider)
    while batch := list(rows.filter(pk__gt=run.cursor)[:500] if run.cursor else rows[:500]):
        report(run, comparing.entitlements(batch))
        note_page(run, str(batch[-1].pk))


def report(run: Run, found: list[Found]) -> None:
    rows = [
        Difference(
            run=run,
            provider=run.provider,
            kind=each.kind,
            object_id=each.object_id,
            ours=each.ours,
            theirs=each.theirs,
            cause=each.cause,
            found_at=timezone.now(),
        )
        for each in found
    ]
    before = Difference.objects.filter(run=run).count()
    Difference.objects.bulk_create(rows, ignore_conflicts=True)
    count(run, found=Difference.objects.filter(run=run).count() - before)


def repair_all(run: Run) -> None:
    for difference in Difference.objects.filter(provider=run.provider, status="open"):
        count(run, repaired=int(repairing.repair(difference)))


def count(run: Run, **more: int) -> None:
    Run.objects.filter(pk=run.pk).update(**{name: F(name) + n for name, n in more.items()})
