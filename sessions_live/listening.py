"""A process's one subscription to Redis, over which news reach all of its sockets."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import redis.asyncio
from django.conf import settings
from redis.asyncio.client import PubSub

from config.kit.errors import as_words
from sessions_live.line import wire

if TYPE_CHECKING:
    from sessions_live.hub import Hub

log = logging.getLogger(__name__)

# After this silence the connection is asked for a sign of life, which it has as long to give.
SILENCE = 4.0
RETRY_SECONDS = 1.0


class Listener:
    def __init__(self, hub: Hub, client: redis.asyncio.Redis) -> None:
        self._hub, self._redis = hub, client
        self._hears = asyncio.Event()
        self._missed_something = False
        self._is_over = False

    def stop(self) -> None:
        """At once, also where what it waits for takes a moment to be given up."""
        self._is_over = True

    async def until_news_arrive(self) -> None:
        """Or until Redis has had its second; then the sockets are told later to read again."""
        if self._hears.is_set():
            return
        try:
            await asyncio.wait_for(self._hears.wait(), settings.REDIS_TIMEOUTS["socket_timeout"])
        except TimeoutError:
            self._missed_something = True

    async def run(self) -> None:
        while not self._is_over:
            try:
                async with self._redis.pubsub() as subscription:
                    await self._hear(subscription)
            except (redis.RedisError, OSError) as error:
                if self._hears.is_set() or not self._missed_something:
                    log.error("sockets hear no news while Redis is away: %s", as_words(error))
                self._hears.clear()
                self._missed_something = True
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, subscription: PubSub) -> None:
        await subscription.subscribe(wire())
        asked = True
        while True:
            message = await subscription.get_message(timeout=SILENCE)
            if self._is_over:
                return
            if message is None:
                if asked:
                    raise redis.TimeoutError("no sign of life")
                await subscription.ping()
                asked = True
                continue
            asked = False
            if message["type"] == "subscribe":
                self._begin()
            elif message["type"] == "message":
                self._hub.pass_on(message["data"].decode())

    def _begin(self) -> None:
        self._hears.set()
        if self._missed_something:
            self._missed_something = False
            self._hub.news_were_missed()
