"""Bells, not work: each may be lost or ring twice, the rows tell what is to be done."""

from __future__ import annotations

from celery import shared_task


@shared_task
def wake() -> None:
    """Makes this worker's inbox thread look at once."""
    from billing.webhooks.worker import rung

    rung.set()


@shared_task
def feed_mirror() -> None:
    from billing.webhooks.mirror import drain_mirror

    drain_mirror()
