"""One Redis client per process that never waits longer than a second and never tries twice."""

from __future__ import annotations

import functools
import time

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


class Absence:
    """That Redis did not answer a moment ago. One request asks it for several things, and must not
    wait for each of them in turn."""

    SECONDS = 5.0

    def __init__(self) -> None:
        self._until = 0.0

    def begins(self) -> None:
        self._until = time.monotonic() + self.SECONDS

    def ends(self) -> None:
        self._until = 0.0

    @property
    def lasts(self) -> bool:
        return time.monotonic() < self._until


absence = Absence()


@functools.cache
def redis_client() -> redis.Redis:
    # The package retries three times by default: a hung Redis would hold its caller for seconds.
    return redis.Redis.from_url(
        settings.REDIS_URL,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=settings.REDIS_TIMEOUTS["socket_timeout"],
        socket_connect_timeout=settings.REDIS_TIMEOUTS["socket_connect_timeout"],
    )
