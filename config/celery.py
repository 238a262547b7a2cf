from __future__ import annotations

import os
from typing import Any

from celery import Celery, bootsteps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("billing")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class ThreadsStep(bootsteps.StartStopStep):
    """Gives each worker the threads that empty the inbox and the outboxes."""

    def start(self, parent: Any) -> None:
        # All need Django to be set up.
        from billing.mails.sending import MailThread
        from billing.provisioning.worker import OutboxThread
        from billing.webhooks.worker import InboxThread

        self.threads = (InboxThread(), MailThread(), OutboxThread())
        for thread in self.threads:
            thread.start()

    def stop(self, parent: Any) -> None:
        for thread in self.threads:
            thread.stop()


app.steps["worker"].add(ThreadsStep)
