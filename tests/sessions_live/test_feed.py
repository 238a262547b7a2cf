"""Each event once on a socket and none left out, in whatever order the ways to it are quicker."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from config.kit.redis_client import redis_client
from sessions_live import live
from sessions_live.line import NEWEST, feed_key, wire
from sessions_live.models import User
from sessions_live.rooms import payments_room
from tests.sessions_live.wire import (
    Wire,
    access_token,
    connected,
    in_thread,
    lose_the_subscription,
    run,
)
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def push(user: User, number: int) -> None:
    live.push(user.pk, "payment:update", {"payment_id": number})


async def number_of(wire: Wire) -> int:
    return int((await wire.says())["data"]["payment_id"])


async def is_silent(wire: Wire) -> bool:
    return await wire.ask({"type": "ping"}) == {"type": "pong"}


def hear_again(user: User) -> None:
    """What the subscription brings of the newest event, where it is slower than the feed."""
    room = payments_room(user.pk)
    ((name, fields),) = redis_client().xrevrange(feed_key(room), count=1)
    event_id = name.decode().partition("-")[0]
    redis_client().publish(wire(), f"deliver {room} {event_id} {fields[b'frame'].decode()}")


def test_news_that_overtake_the_question_are_said_once_and_older_ones_follow(alice):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(push, alice, 1)
            seen = (await wire.says())["event_id"]
        await in_thread(push, alice, 2)
        async with connected(token=token) as wire:
            await in_thread(push, alice, 3)
            assert await number_of(wire) == 3
            await wire.tell({"type": "resume", "after": seen})
            assert await number_of(wire) == 2
            assert await is_silent(wire)
            await wire.tell({"type": "resume", "after": seen})
            assert await is_silent(wire)

    token = access_token(alice)
    run(story)


def test_what_is_read_before_it_is_heard_of_is_said_once(alice):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(push, alice, 1)
            seen = (await wire.says())["event_id"]
        await in_thread(push, alice, 2)
        async with connected(token=token) as wire:
            await wire.tell({"type": "resume", "after": seen})
            assert await number_of(wire) == 2
            await in_thread(hear_again, alice)
            await in_thread(push, alice, 3)
            assert await number_of(wire) == 3
            assert await is_silent(wire)

    token = access_token(alice)
    run(story)


def test_what_is_heard_of_twice_is_said_once(alice):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(push, alice, 1)
            assert await number_of(wire) == 1
            await in_thread(hear_again, alice)
            await in_thread(push, alice, 2)
            assert await number_of(wire) == 2

    token = access_token(alice)
    run(story)


def test_news_in_a_redis_whose_clock_is_behind_are_not_taken_for_old_ones(alice):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(push, alice, 1)
            ahead = (await wire.says())["event_id"]
            redis_client().flushdb()
            await in_thread(lose_the_subscription)
            assert await wire.says() == {"type": "reset"}
            await in_thread(push, alice, 2)
            news = await wire.says()
            assert news["data"]["payment_id"] == 2
            assert news["event_id"] < ahead

    token = access_token(alice)
    redis_client().set(NEWEST, 1 << 52)
    run(story)


def test_one_order_runs_through_the_feeds_of_the_staff(carol):
    async def story():
        async with connected(token=token) as desk:
            await in_thread(push, carol, 1)
            await in_thread(live.push_to_staff, "refund:update", {"refund_id": 2})
            await in_thread(push, carol, 3)
            ids = [(await desk.says())["event_id"] for _ in range(3)]
        assert ids == [ahead + 1, ahead + 2, ahead + 3]

    # As if the clock had gone back: it alone would give the second a smaller number.
    ahead = 1 << 52
    redis_client().set(NEWEST, ahead)
    token = access_token(carol)
    run(story)


def test_the_very_first_event_is_reported_too_if_it_was_lost(alice, monkeypatch):
    async def story():
        async with connected(token=token) as wire:
            await wire.tell({"type": "resume", "after": 0})
            assert await wire.says() == {"type": "reset"}
            assert await number_of(wire) == 2

    line = live._line
    monkeypatch.setattr(line, "RETRY", 0.05)
    line.rests_until = float("inf")
    push(alice, 1)
    eventually(lambda: not line.is_mending)
    push(alice, 2)
    frames = redis_client().xrange(feed_key(payments_room(alice.pk)))
    assert [json.loads(fields[b"frame"])["type"] for _, fields in frames] == [
        "reset",
        "payment:update",
    ]
    token = access_token(alice)
    run(story)


def test_of_many_transactions_at_once_those_that_commit_are_heard_and_in_order(alice):
    """R32: no frame of work that was rolled back, and no number that is smaller than the last."""

    async def story():
        async with connected(token=token) as wire:
            await in_thread(work_at_once, alice, range(200))
            heard = [await wire.says() for _ in range(150)]
            assert await is_silent(wire)
        ids = [each["event_id"] for each in heard]
        assert ids == sorted(set(ids))
        numbers = sorted(each["data"]["payment_id"] for each in heard)
        assert numbers == [number for number in range(200) if number % 4]

    token = access_token(alice)
    run(story)


def work_at_once(user: User, numbers: Iterable[int]) -> None:
    """Every fourth piece of work comes to nothing."""

    def work(number: int) -> None:
        with transaction.atomic():
            push(user, number)
            transaction.set_rollback(number % 4 == 0)
        connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, numbers))
