"""What the console shows of it: when somebody last looked, what differs, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, QuerySet
from django.utils import timezone

from billing.reconciliation.differences import MOST_SHOWN
from billing.reconciliation.models import Difference, Run, RunQuerySet
from config.kit.money import Money

LAST_DAYS = timedelta(days=30)
MOST_RUNS = 10
Status = Difference.Status


@dataclass(frozen=True, slots=True)
class Kind:
    """Of the open differences of one kind: how many, since when, and what they come to."""

    name: str
    count: int
    since: datetime
    apart: list[Money]

    @property
    def words(self) -> str:
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Drift:
    kinds: list[Kind]
    causes: list[tuple[str, int]]
    open: list[Difference]
    looked: list[Run]
    runs: list[Run]
    under_way: bool
    closed: dict[str, int]

    @property
    def count(self) -> int:
        return sum(kind.count for kind in self.kinds)


def overview(customer: str = "") -> Drift:
    """Of one customer, or of all."""
    found: QuerySet[Difference] = Difference.objects.all()
    runs: RunQuerySet = Run.objects.select_related("by").order_by("-pk")
    if customer:
        found, runs = found.filter(customer=customer), runs.filter(customer=customer)
    open_ones = found.filter(status=Status.OPEN)
    newest = list(runs[:MOST_RUNS])
    return Drift(
        kinds=kinds_of(open_ones),
        causes=causes_of(open_ones),
        open=list(open_ones.order_by("-pk")[:MOST_SHOWN]),
        looked=last_looks(runs),
        runs=newest,
        under_way=any(run.finished_at is None for run in newest),
        closed=closed_of(found),
    )


def kinds_of(rows: QuerySet[Difference]) -> list[Kind]:
    sums: dict[str, Counter[str]] = {}
    moneys = rows.exclude(apart=None).values_list("kind", "currency", "apart")
    for name, currency, apart in moneys:
        sums.setdefault(name, Counter())[currency] += apart or 0
    counted = (
        rows.order_by("kind").values("kind").annotate(number=Count("pk"), since=Min("found_at"))
    )
    return [
        Kind(
            each["kind"],
            each["number"],
            each["since"],
            [Money(amount, name) for name, amount in sorted(sums.get(each["kind"], {}).items())],
        )
        for each in counted
    ]


def causes_of(rows: QuerySet[Difference]) -> list[tuple[str, int]]:
    counted = rows.order_by("cause").values_list("cause").annotate(Count("pk"))
    labels: dict[str, Any] = dict(Difference.Cause.choices)
    return [(str(labels.get(cause, cause)), number) for cause, number in counted]


def last_looks(runs: RunQuerySet) -> list[Run]:
    """The newest of each scope that came to its end."""
    last = (runs.looked().filter(scope=scope).first() for scope in Run.Scope.values)
    return [run for run in last if run is not None]


def closed_of(rows: QuerySet[Difference]) -> dict[str, int]:
    """What became of those that were closed lately, and of what is left as it is."""
    lately = rows.filter(closed_at__gte=timezone.now() - LAST_DAYS)
    ended = [Status.REPAIRED, Status.GONE]
    counted = lately.filter(status__in=ended).order_by("status").values_list("status")
    numbers: dict[str, int] = dict(counted.annotate(Count("pk")))
    ignored = rows.filter(status=Status.IGNORED).count()
    return {
        "repaired": numbers.get(Status.REPAIRED, 0),
        "gone": numbers.get(Status.GONE, 0),
        "ignored": ignored,
    }
