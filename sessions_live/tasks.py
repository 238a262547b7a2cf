from __future__ import annotations

from celery import shared_task

from sessions_live import sessions


@shared_task
def expire_sessions() -> None:
    sessions.expire_sessions()
