from __future__ import annotations

from celery import shared_task


@shared_task
def erase(erasure_id: str) -> None:
    """A bell: the sweep finds the same work in the rows."""
    from privacy import erasing
    from privacy.models import Erasure

    erasing.proceed(Erasure.objects.get(pk=erasure_id))
