"""What no webhook told of for a while: the provider is asked, and what nobody pays is given up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone

from billing.providers.base import ProviderError
from config.kit.one_by_one import one_by_one

log = logging.getLogger(__name__)

# When the sweep first asks, and how often after that.
QUIET = timedelta(minutes=10)
ASKED_EVERY = timedelta(hours=1)
ABANDONED = timedelta(hours=25)
MOST = 100

T = TypeVar("T", bound=Model)


def ask_about_all(
    waiting: QuerySet[T], *, ask: Callable[[T], object], give_up: Callable[[T], None]
) -> int:
    """Rows with `created_at` and `asked_at`; how many were asked about. After a day one is given
    up, too: what is forgotten must not be paid by accident."""
    now = timezone.now()
    due = Q(asked_at=None) | Q(asked_at__lt=now - ASKED_EVERY)
    quiet = waiting.filter(due, created_at__lt=now - QUIET)
    asked = 0
    with one_by_one() as apart:
        for row in quiet.order_by(F("asked_at").asc(nulls_first=True), "created_at")[:MOST]:
            name = f"{row._meta.verbose_name} {row.pk}"
            with apart(name):
                waiting.model._default_manager.filter(pk=row.pk).update(asked_at=now)
                try:
                    ask(row)
                    if row.created_at < now - ABANDONED:  # type: ignore[attr-defined]
                        give_up(row)
                except ProviderError as error:
                    log.warning("%s not read: %s", name, error.code)
                else:
                    asked += 1
    return asked
