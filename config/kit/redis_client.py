"""One Redis client per process that never waits longer than a second and never tries twice."""

from __future__ import annotations

import functools

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


@functools.cache
def redis_client() -> redis.Redis:
    # The package retries three times by default: a hung Redis would hold its caller for seconds.
    return redis.Redis.from_url(
        settings.REDIS_URL,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=settings.REDIS_TIMEOUTS["socket_timeout"],
        socket_connect_timeout=settings.REDIS_TIMEOUTS["socket_connect_timeout"],
    )
