"""A browser's end of a socket, for tests: connects to the same application that uvicorn serves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from config.asgi import application
from config.kit.redis_client import redis_client
from sessions_live import tokens
from sessions_live.models import User

ORIGIN = "http://localhost:8000"


def access_token(user: User) -> str:
    return tokens.sign_in(user, ip=None, user_agent="").access


def cookie_of(user: User) -> str:
    browser = Client()
    browser.force_login(user)
    return f"sessionid={browser.cookies['sessionid'].value}"


class Wire:
    """Speaks ASGI's JSON frames and remembers nothing."""

    def __init__(self, communicator: WebsocketCommunicator) -> None:
        self._communicator = communicator
        self.subprotocol: str | None = None

    async def says(self) -> Any:
        return await self._communicator.receive_json_from(timeout=5)

    async def tell(self, message: Any) -> None:
        await self._communicator.send_json_to(message)

    async def tell_raw(self, **frame: Any) -> None:
        await self._communicator.send_to(**frame)

    async def ask(self, message: Any) -> Any:
        await self.tell(message)
        return await self.says()

    async def close_code(self) -> int:
        return (await self.last_words())[1]

    async def last_words(self) -> tuple[list[Any], int]:
        """What is said until it is closed, and the code."""
        said: list[Any] = []
        while True:
            output = await self._communicator.receive_output(timeout=5)
            if output["type"] == "websocket.close":
                return said, int(output["code"])
            said.append(json.loads(output["text"]))


@asynccontextmanager
async def connected(
    *, token: str = "", cookie: str = "", origin: str | None = None, path: str = "/ws/payments"
) -> AsyncIterator[Wire]:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    subprotocols = ["bearer", token] if token else None
    communicator = WebsocketCommunicator(application, path, headers, subprotocols)
    accepted, subprotocol = await communicator.connect(timeout=5)
    assert accepted
    wire = Wire(communicator)
    wire.subprotocol = subprotocol
    try:
        yield wire
    finally:
        await communicator.disconnect()


@asynccontextmanager
async def crowd(number: int, **credentials: Any) -> AsyncIterator[list[Wire]]:
    async with AsyncExitStack() as open_ones:
        yield [await open_ones.enter_async_context(connected(**credentials)) for _ in range(number)]


async def in_thread(act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Gives its database connection back, which a bare thread does not."""
    return await database_sync_to_async(act)(*args, **kwargs)


def lose_the_subscription() -> None:
    """As if a network had lost it. Tests that run beside this one have other databases."""
    own = str(redis_client().connection_pool.connection_kwargs.get("db", 0))
    for client in redis_client().client_list(_type="pubsub"):
        if client["db"] == own:
            redis_client().client_kill_filter(_id=client["id"])


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())
