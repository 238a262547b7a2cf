"""Mending a difference: the object is read anew and goes through the handlers of its webhook."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.providers import get_provider
from billing.providers.base import NotFound, ProviderError
from billing.reconciliation.models import Difference, Run
from billing.reconciliation.order import comparer_of
from billing.webhooks.registry import NotOurs, Unclear
from config.kit.errors import AppError
from sessions_live.models import User

FOR_PEOPLE = "No rule is right for every such case: somebody has to decide."


def repair(difference: Difference, *, run: Run | None = None, by: User | None = None) -> bool:
    """Whether both tell the same afterwards. Network, so never inside a transaction."""
    comparer = comparer_of(difference.kind)
    if comparer is None or not has_rule(difference):
        return note(difference, FOR_PEOPLE)
    try:
        told = comparer.read(get_provider(difference.provider), difference)
        with transaction.atomic():
            if comparer.mend(difference, told):
                return note(difference, "Our rules do not allow it: somebody has to decide.")
            return close(difference, run=run, by=by)
    except NotFound:
        return note(difference, "The provider does not know it any more.")
    except ProviderError as error:
        return note(difference, f"The provider did not answer: {error.code}.")
    except (NotOurs, Unclear, AppError) as error:
        return note(difference, f"Not applied: {type(error).__name__} {error}")


def has_rule(difference: Difference) -> bool:
    comparer = comparer_of(difference.kind)
    return comparer is not None and difference.kind not in comparer.for_people


def note(difference: Difference, words: str) -> bool:
    """Why it stays."""
    Difference.objects.open().filter(pk=difference.pk).update(repair=words[:300])
    return False


def close(difference: Difference, **by: Any) -> bool:
    """Of two who repair the same at once, the first writes it down."""
    return bool(
        Difference.objects.open()
        .filter(pk=difference.pk)
        .update(
            status=Difference.Status.REPAIRED,
            repair="Read anew.",
            closed_at=timezone.now(),
            closed_by=by["run"],
            by=by["by"],
        )
    )
