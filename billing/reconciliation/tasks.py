"""Doors for beat. A run that is lost is taken up by the next one."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone


@shared_task
def reconcile_recent() -> None:
    from billing.reconciliation.running import reconcile

    reconcile(since=timezone.now() - timedelta(hours=6))


@shared_task
def reconcile_all() -> None:
    from billing.reconciliation.running import reconcile

    reconcile(since=None)
