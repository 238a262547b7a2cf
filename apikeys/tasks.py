from __future__ import annotations

from celery import shared_task

from apikeys import notices


@shared_task
def warn_of_expiry() -> None:
    notices.warn_of_expiry()
