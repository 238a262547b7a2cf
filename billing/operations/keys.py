"""The key that somebody sends along with a wish: for a day, the same key means the same row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from config.kit.errors import AppError

KEY_LIFETIME = timedelta(hours=24)

T = TypeVar("T", bound=Model)


class KeyReused(AppError):
    code = "idempotency_key_reused"
    status = 422
    detail = "This Idempotency-Key was used with another body; use a new one."


def of_key(rows: QuerySet[T], key: str | None, fingerprint: str) -> T | None:
    """What was asked for with it before, of one person's rows. A key that has had its day is free
    again. Raises KeyReused where it was for something else."""
    if key is None:
        return None
    before = rows.filter(idempotency_key=key)
    before.filter(created_at__lte=timezone.now() - KEY_LIFETIME).update(idempotency_key=None)
    found = before.first()
    if found is not None and found.fingerprint != fingerprint:  # type: ignore[attr-defined]
        raise KeyReused()
    return found


def made_once(rows: QuerySet[T], key: str | None, fingerprint: str, make: Callable[[], T]) -> T:
    """`make` in a transaction of its own. Of several who ask with one key at the same moment one
    makes it, and all get the same. Raises KeyReused."""
    try:
        with transaction.atomic():
            return make()
    except IntegrityError:
        resumed = of_key(rows, key, fingerprint)
        if resumed is None:
            raise
        return resumed
