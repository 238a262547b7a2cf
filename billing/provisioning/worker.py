"""The thread inside each Celery worker that delivers access messages. It looks into the rows by
itself every second, so that machines are told while Redis is down."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connection

from billing.provisioning import outbox

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0


class OutboxThread(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="outbox", daemon=True)
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(LOOK_EVERY):
            try:
                while outbox.deliver_due() and not self.stopping.is_set():
                    pass
            except (DatabaseError, OSError) as error:
                log.warning("outbox out of reach: %s", type(error).__name__)
            except Exception:
                # As in the inbox: never a worker that looks alive and tells nobody.
                log.exception("outbox thread stumbled")
            finally:
                connection.close()

    def stop(self) -> None:
        self.stopping.set()
        self.join(timeout=10)
