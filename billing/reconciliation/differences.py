"""A difference's own life: found once, closed by the run that does not find it any more, repaired,
or left as it is because somebody says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F
from django.utils import timezone

from billing.reconciliation import evidence
from billing.reconciliation.comparers import Comparer, Found, Look
from billing.reconciliation.models import Difference, Run
from config.kit.errors import AppError
from sessions_live.models import User

Key = tuple[str, str]
Status = Difference.Status
MOST_SHOWN = 100


class NotOpen(AppError):
    code = "not_open"
    status = 409

    def __init__(self, difference: Difference) -> None:
        super().__init__(f"It is {difference.get_status_display().lower()} already.")


def unknown_yet(run: Run, found: Sequence[Found]) -> list[Found]:
    """Those that are not rows as they are now."""
    known = lasting(run, found)
    return [each for each in found if not is_same(known.get((each.kind, each.object_id)), each)]


def lasting(run: Run, found: Iterable[Found]) -> dict[Key, Difference]:
    rows = Difference.objects.lasting().filter(
        provider=run.provider, object_id__in=[each.object_id for each in found]
    )
    return {(row.kind, row.object_id): row for row in rows}


def is_same(row: Difference | None, found: Found) -> bool:
    if row is None:
        return False
    return all(getattr(row, name) == value for name, value in sides(found).items())


def sides(found: Found) -> dict[str, Any]:
    apart = found.apart
    return {
        "ours": found.ours[:300],
        "theirs": found.theirs[:300],
        "apart": apart.amount if apart else None,
        "currency": apart.currency if apart else "",
    }


def report(run: Run, found: Sequence[Found]) -> None:
    """Safe to repeat. One whose sides have changed since is the same row; if it was to be ignored,
    that was said of another state of it."""
    news = evidence.explained(run, unknown_yet(run, found))
    known = lasting(run, news)
    added = 0
    for each in news:
        fields = {**sides(each), "cause": each.cause, "evidence": each.evidence}
        row = known.get((each.kind, each.object_id))
        if row is None:
            added += create(run, each, fields)
            continue
        if row.status == Status.IGNORED:
            words = f"Ignored while it was {row.ours} here and {row.theirs} there: {row.repair}"
            fields |= {"status": Status.OPEN, "closed_at": None, "repair": words[:300]}
        Difference.objects.filter(pk=row.pk, status=row.status).update(**fields)
    Run.objects.filter(pk=run.pk).update(found=F("found") + added)


def create(run: Run, found: Found, fields: dict[str, Any]) -> int:
    """1, or 0 where another run has found it at this moment."""
    row = Difference(
        run=run,
        provider=run.provider,
        kind=found.kind,
        object_id=found.object_id,
        customer=found.customer,
        found_at=timezone.now(),
        **fields,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return 0
    return 1


def close_gone(run: Run, comparer: Comparer, seen: Look) -> None:
    """What was looked at and does not differ any more, whoever mended it."""
    still = {(each.kind, each.object_id) for each in seen.found}
    rows = Difference.objects.lasting().filter(
        provider=run.provider, kind__in=comparer.kinds, object_id__in=seen.looked_at
    )
    gone = [row.pk for row in rows if (row.kind, row.object_id) not in still]
    closed = (
        Difference.objects.lasting()
        .filter(pk__in=gone)
        .update(status=Status.GONE, closed_at=timezone.now(), closed_by=run)
    )
    if closed:
        Run.objects.filter(pk=run.pk).update(gone=F("gone") + closed)


def to_repair(run: Run) -> list[Difference]:
    rows = Difference.objects.open().filter(provider=run.provider)
    if run.scope == Run.Scope.CUSTOMER:
        rows = rows.filter(customer=run.customer)
    return list(rows.order_by("pk"))


def by_kind(customer: str = "") -> dict[str, int]:
    """How many are open."""
    rows = Difference.objects.open()
    if customer:
        rows = rows.filter(customer=customer)
    return dict(rows.order_by("kind").values_list("kind").annotate(Count("pk")))


@transaction.atomic
def ignore(difference: Difference, *, by: User, reason: str) -> None:
    """It is found no more, unless it changes. Raises NotOpen."""
    done = Difference.objects.open().filter(pk=difference.pk)
    if not done.update(status=Status.IGNORED, repair=reason[:300], by=by, closed_at=timezone.now()):
        difference.refresh_from_db()
        raise NotOpen(difference)
    difference.refresh_from_db()
