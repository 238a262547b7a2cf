"""Calling a worker. Whatever it is called for stands in rows, where a sweep finds it as well."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


def announce(task: Any, *arguments: str) -> None:
    """Sends a task if the broker is there; if not, the sweep finds the same work in the rows."""
    try:
        task.apply_async(arguments)
    except Exception as error:  # noqa: BLE001 - any broker trouble
        log.warning("%s not announced: %s", task.name, type(error).__name__)
