# Tasks are sent through this app, also by processes that are no workers.
from config.celery import app as celery_app

__all__ = ["celery_app"]
