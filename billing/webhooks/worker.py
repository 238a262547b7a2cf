"""The thread inside each Celery worker that empties the inbox.

It looks by itself every second, so that events take effect while Redis is down; the bell only
makes it look sooner.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.db.models import Max
from django.utils import timezone

from billing.webhooks import inbox
from billing.webhooks.models import WorkerBeat

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
BEAT_EVERY = 5.0
rung = threading.Event()


def last_beat() -> datetime | None:
    return WorkerBeat.objects.aggregate(last=Max("at"))["last"]


class InboxThread(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="inbox", daemon=True)
        self.name_of_worker = f"{socket.gethostname()}:{os.getpid()}"
        self.stopping = threading.Event()
        self.beaten = 0.0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.beat()
                self.look()
            except (DatabaseError, OSError) as error:
                log.warning("inbox out of reach: %s", type(error).__name__)
                self.stopping.wait(LOOK_EVERY)
            except Exception:
                # A fault here must never leave a worker that looks alive and does nothing.
                log.exception("inbox thread stumbled")
                self.stopping.wait(LOOK_EVERY)
            finally:
                connection.close()
            rung.wait(LOOK_EVERY)
            rung.clear()

    def look(self) -> None:
        while inbox.take_batch():
            # A long backlog must not make the worker look dead.
            self.beat()

    def beat(self) -> None:
        if time.monotonic() - self.beaten < BEAT_EVERY:
            return
        now = timezone.now()
        WorkerBeat.objects.update_or_create(name=self.name_of_worker, defaults={"at": now})
        WorkerBeat.objects.filter(at__lt=now - timedelta(hours=1)).delete()
        self.beaten = time.monotonic()

    def stop(self) -> None:
        self.stopping.set()
        rung.set()
        self.join(timeout=10)
