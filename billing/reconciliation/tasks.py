"""Doors for beat and for whoever asks. A run that is lost is taken up by the next one."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

RECENT = timedelta(hours=6)


@shared_task
def reconcile_recent() -> None:
    from billing.reconciliation.models import Run
    from billing.reconciliation.running import begin

    carry_on(begin(scope=Run.Scope.RECENT, since=timezone.now() - RECENT).pk)


@shared_task
def reconcile_all() -> None:
    from billing.reconciliation.models import Run
    from billing.reconciliation.running import begin

    carry_on(begin(scope=Run.Scope.ALL).pk)


@shared_task
def carry_on(run_id: int | str) -> None:
    """Nothing to do where somebody else is at it, or it is over."""
    from billing.reconciliation import running
    from billing.reconciliation.models import Run

    with suppress(running.UnderWay):
        running.carry_on(Run.objects.get(pk=run_id))


@shared_task
def take_up() -> None:
    """Runs that nobody works at: their call was lost, or their process, or the provider was."""
    from billing.reconciliation import running

    for run in running.left():
        carry_on(run.pk)
