"""While a provider is down nobody waits for it: calls are refused at once, and now and then one
is let through to see whether it is back. Each process learns it by itself."""

from __future__ import annotations

import logging
import threading
import time

from billing.providers.base import ProviderDown

log = logging.getLogger(__name__)


class Breaker:
    FAILURES = 5
    PAUSE = 5.0
    LONGEST_PAUSE = 30.0

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self.close()

    def close(self) -> None:
        self._failures = 0
        self._pause = self.PAUSE
        self._shut_until = 0.0

    def ask(self) -> None:
        """Raises ProviderDown; nothing was sent then."""
        with self._lock:
            now = time.monotonic()
            if now < self._shut_until:
                raise ProviderDown(wait=self._shut_until - now)
            if self._failures >= self.FAILURES:
                # This caller finds out; the others stay away meanwhile.
                self._shut_until = now + self._pause

    def worked(self) -> None:
        if self._failures:
            with self._lock:
                self.close()

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures < self.FAILURES:
                return
            if self._failures > self.FAILURES:
                self._pause = min(2 * self._pause, self.LONGEST_PAUSE)
            self._shut_until = time.monotonic() + self._pause
        log.warning("%s is left alone for %.0f s", self.name, self._pause)

    def rest(self, seconds: float) -> None:
        """As the provider asks for; it is well, but has too much to do."""
        with self._lock:
            self._shut_until = time.monotonic() + min(seconds, self.LONGEST_PAUSE)
