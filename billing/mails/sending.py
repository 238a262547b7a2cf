"""The thread inside each Celery worker that sends mails. It looks into the rows by itself every
second, so that mails go out while Redis is down, and nothing has to ring for it."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connection

from billing.mails import outbox

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0


class MailThread(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="mails", daemon=True)
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(LOOK_EVERY):
            try:
                outbox.send_due(ending=self.stopping)
            except (DatabaseError, OSError) as error:
                log.warning("mails out of reach: %s", type(error).__name__)
            except Exception:
                # A fault here must never leave a worker that looks alive and does nothing.
                log.exception("mail thread stumbled")
            finally:
                connection.close()

    def stop(self) -> None:
        self.stopping.set()
        self.join(timeout=10)
