"""Comparing what the provider lists with our rows, both ways round."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import QuerySet

from billing.providers.base import NotFound, Provider
from billing.providers.comparing import Listed
from billing.reconciliation.comparers import Comparer, Found, Look, Scope
from billing.reconciliation.models import Difference
from billing.webhooks.inbox import hold_subject
from billing.webhooks.registry import dispatch

alarm = logging.getLogger("alarm")

# So many unknown things on one page are no differences: it is another account that we look at.
MOST_ORPHANS = 100


class Objects(Comparer):
    """Things that the provider lists, newest first. Its pages divide all of time between them, so
    each of our rows should stand on one of them; one that does not is asked for by its id."""

    noun: ClassVar[str]

    def page(self, scope: Scope, after: str) -> Listed[Any]:
        raise NotImplementedError

    def judge(self, provider: str, told: Sequence[Any]) -> list[Found]:
        """What our rows tell otherwise."""
        raise NotImplementedError

    def ours(self, scope: Scope) -> QuerySet[Any]:
        """Our rows of this provider, each with its `provider_id` and `created_at`."""
        raise NotImplementedError

    def read_one(self, client: Provider, object_id: str) -> list[Any]:
        """What the provider tells of it. Raises NotFound."""
        raise NotImplementedError

    def orphan(self, row: Any) -> Found:
        raise NotImplementedError

    def look(self, scope: Scope, after: str) -> Look:
        cursor, before = place_of(after)
        page = scope.ask(self.page, scope, cursor)
        seen = Look(looked_at=set(page.ids), after=next_place(page))
        seen.found += self.judge(scope.run.provider, page.items)
        seen.found += [self._odd(object_id, why) for object_id, why in page.unreadable.items()]
        self._find_orphans(scope, page, before, seen)
        if not after:
            seen.looked_at |= self._forgotten(scope)
        return seen

    def _odd(self, object_id: str, why: str) -> Found:
        return Found(
            kind=f"{self.noun}_unreadable",
            object_id=object_id,
            ours="A shape that is known",
            theirs="Another one",
            cause=Difference.Cause.SHAPE,
            evidence=why,
        )

    def _find_orphans(
        self, scope: Scope, page: Listed[Any], before: datetime | None, seen: Look
    ) -> None:
        since = page.oldest if page.after else scope.since
        rows = self.ours(scope).exclude(provider_id__in=page.ids)
        if since is not None:
            rows = rows.filter(created_at__gte=since)
        if before is not None:
            rows = rows.filter(created_at__lt=before)
        orphans = 0
        for row in rows.order_by("-created_at").iterator(chunk_size=500):
            try:
                scope.ask(self.read_one, scope.client, row.provider_id)
            except NotFound:
                seen.found.append(self.orphan(row))
                seen.looked_at.add(row.provider_id)
                orphans += 1
            if orphans == MOST_ORPHANS:
                seen.trouble = f"Many a {self.noun} is unknown there: is this the right account?"
                alarm.error("reconciliation: %s", seen.trouble)
                return

    def _forgotten(self, scope: Scope) -> set[str]:
        """Orphans of which we know nothing any more, either."""
        named = Difference.objects.lasting().filter(
            provider=scope.run.provider, kind=f"{self.noun}_orphaned"
        )
        orphans = set(named.values_list("object_id", flat=True))
        kept = self.ours(scope).filter(provider_id__in=orphans)
        return orphans - set(kept.values_list("provider_id", flat=True))

    def read(self, client: Provider, difference: Difference) -> list[Any]:
        return self.read_one(client, difference.object_id)

    def mend(self, difference: Difference, told: list[Any]) -> list[Found]:
        """As its webhook would have done, under the same lock."""
        for fact in told:
            hold_subject(fact.provider, fact.customer_id or difference.object_id)
            dispatch(fact)
        return self.judge(difference.provider, told)


def place_of(after: str) -> tuple[str, datetime | None]:
    """Where to go on in the list, and before which time."""
    cursor, _, seconds = after.partition(" ")
    return cursor, datetime.fromtimestamp(int(seconds), UTC) if seconds else None


def next_place(page: Listed[Any]) -> str:
    if not page.after or page.oldest is None:
        return ""
    return f"{page.after} {int(page.oldest.timestamp())}"
