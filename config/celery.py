from __future__ import annotations

import os
from typing import Any

from celery import Celery, bootsteps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("billing")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class InboxStep(bootsteps.StartStopStep):
    """Gives each worker the thread that empties the inbox."""

    def start(self, parent: Any) -> None:
        from billing.webhooks.worker import InboxThread  # needs Django to be set up

        self.thread = InboxThread()
        self.thread.start()

    def stop(self, parent: Any) -> None:
        self.thread.stop()


app.steps["worker"].add(InboxStep)
