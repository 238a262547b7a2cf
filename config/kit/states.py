"""A `status` column that only moves along its model's table, and only once per race."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models

from config.kit.errors import AppError


class ForbiddenMove(AppError):
    code = "forbidden_move"
    status = 409


class StaleState(AppError):
    code = "stale_state"
    status = 409
    detail = "It changed in the meantime; read it again."


class Moves(models.Model):
    """Gives a model with a `status` column a guarded, race-safe `move_to()`."""

    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {}
    status = models.CharField(max_length=20)

    class Meta:
        abstract = True

    def can_move_to(self, status: str) -> bool:
        return status in self.MOVES.get(self.status, ())

    def move_to(self, status: str, **fields: Any) -> None:
        """Raises ForbiddenMove off the table, StaleState when another process moved it first."""
        if not self.can_move_to(status):
            raise ForbiddenMove(f"{self._meta.verbose_name}: {self.status} → {status}")
        unmoved = type(self)._default_manager.filter(pk=self.pk, status=self.status)
        if not unmoved.update(status=status, **fields):
            raise StaleState()
        self.status = status
        for name, value in fields.items():
            setattr(self, name, value)
