"""The sockets of one process among themselves."""

from __future__ import annotations

import asyncio
import contextlib
from uuid import uuid4

import pytest

from config.kit.redis_client import redis_client
from sessions_live import live
from sessions_live.consumers import PaymentsSocket
from sessions_live.handshake import Admission
from sessions_live.hub import Hub, hub_of_this_loop
from sessions_live.lanes import Message
from sessions_live.line import wire
from tests.sessions_live.wire import access_token, connected, in_thread, run

pytestmark = pytest.mark.django_db(transaction=True)


async def hears_nothing() -> Message:
    return {}


async def says_nothing(message: Message) -> None:
    pass


def passer_by(hub: Hub) -> PaymentsSocket:
    socket = PaymentsSocket({"subprotocols": []}, hears_nothing, says_nothing)
    socket.hub, socket.admission = hub, Admission(uuid4(), 1, False, "127.0.0.1")
    return socket


def listeners() -> int:
    return int(redis_client().pubsub_numsub(wire())[0][1])


def test_whoever_leaves_while_the_subscription_begins_leaves_no_second_one_behind(alice):
    """Each moment of it in turn: a listener that nobody ends tells everything twice."""

    async def story():
        hub = hub_of_this_loop()
        for steps in range(40):
            socket = passer_by(hub)
            joining = asyncio.create_task(hub.join(socket, socket.rooms()))
            for _ in range(steps):
                await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await hub.leave(socket)
            joining.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await joining
        async with connected(token=token) as open_one:
            assert listeners() == 1
            await in_thread(live.push, alice.pk, "payment:update", {"payment_id": 1})
            assert (await open_one.says())["data"] == {"payment_id": 1}
            assert await open_one.ask({"type": "ping"}) == {"type": "pong"}

    token = access_token(alice)
    run(story)
