"""Waking the workers without making anybody wait.

The bell may fail to ring: workers look into the inbox by themselves every second.
"""

from __future__ import annotations

import logging
import threading
import time

log = logging.getLogger(__name__)

# One message wakes for all events of this span.
SPAN = 0.05


class Bell:
    def __init__(self) -> None:
        self._rung = threading.Event()
        self._lock = threading.Lock()
        self._ringer: threading.Thread | None = None

    def ring(self) -> None:
        """Returns at once; a broker that hangs holds the bell's own thread, nobody else."""
        self._rung.set()
        if self._ringer is None or not self._ringer.is_alive():
            self._hire()

    def _hire(self) -> None:
        # Made on first use, not on import: a thread does not survive a server's fork.
        with self._lock:
            if self._ringer is None or not self._ringer.is_alive():
                self._ringer = threading.Thread(target=self._work, name="bell", daemon=True)
                self._ringer.start()

    def _work(self) -> None:
        from billing.webhooks.tasks import wake

        while True:
            self._rung.wait()
            self._rung.clear()
            try:
                wake.apply_async(expires=10)
            except Exception as error:  # noqa: BLE001 - any broker trouble; the poll finds the events
                log.warning("bell not heard: %s", type(error).__name__)
            time.sleep(SPAN)


bell = Bell()
