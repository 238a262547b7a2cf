"""What the staff hear of everybody's disputes and refunds, and nobody else does."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from config.kit.redis_client import redis_client
from sessions_live import live
from sessions_live.line import feed_key
from sessions_live.models import User
from sessions_live.rooms import STAFF
from tests.sessions_live.wire import Wire, access_token, connected, in_thread, run

pytestmark = pytest.mark.django_db(transaction=True)


def announce(number: int, kind: str = "refund") -> None:
    live.push_to_staff(f"{kind}:update", {f"{kind}_id": number})


async def is_silent(wire: Wire) -> bool:
    return await wire.ask({"type": "ping"}) == {"type": "pong"}


def change(user: User, **fields: Any) -> None:
    person = User.objects.get(pk=user.pk)
    for name, value in fields.items():
        setattr(person, name, value)
    person.save()


def test_staff_hear_of_disputes_and_refunds_and_resume_both_feeds(alice, carol):
    async def story():
        async with connected(token=staff) as desk, connected(token=guest) as other:
            await in_thread(announce, 1)
            news = await desk.says()
            assert (news["type"], news["data"]) == ("refund:update", {"refund_id": 1})
            await in_thread(live.push, carol.pk, "payment:update", {"payment_id": 2})
            await in_thread(announce, 3, "dispute")
            own, dispute = await desk.says(), await desk.says()
            assert await is_silent(other)
        async with connected(token=staff) as desk:
            await desk.tell({"type": "resume", "after": news["event_id"]})
            assert [await desk.says(), await desk.says()] == [own, dispute]
            assert news["event_id"] < own["event_id"] < dispute["event_id"]

    staff, guest = access_token(carol), access_token(alice)
    run(story)


def test_a_customer_is_told_nothing_of_the_staffs_feed_when_they_ask_for_what_they_missed(alice):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(live.push, alice.pk, "payment:update", {"payment_id": 1})
            seen = (await wire.says())["event_id"]
            await in_thread(announce, 2)
            for after in (0, seen - 1, seen):
                await wire.tell({"type": "resume", "after": after})
            assert await wire.says() == {"type": "reset"}
            assert await is_silent(wire)

    token = access_token(alice)
    run(story)


def test_who_leaves_the_staff_is_hung_up_and_hears_their_own_from_then_on(carol):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(announce, 1)
            seen = (await wire.says())["event_id"]
            await in_thread(change, carol, is_staff=False)
            await in_thread(announce, 2)
            assert await wire.last_words() == ([], 4401)
        async with connected(token=token) as wire:
            await wire.tell({"type": "resume", "after": seen})
            assert await wire.says() == {"type": "reset"}
            await in_thread(announce, 3)
            await in_thread(live.push, carol.pk, "payment:update", {"payment_id": 4})
            assert (await wire.says())["data"] == {"payment_id": 4}

    token = access_token(carol)
    run(story)


def test_who_joins_the_staff_hears_its_news_with_their_next_connection(alice):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(change, alice, is_staff=True)
            await in_thread(announce, 1)
            assert await is_silent(wire)
        async with connected(token=token) as wire:
            await in_thread(announce, 2)
            assert (await wire.says())["data"] == {"refund_id": 2}

    token = access_token(alice)
    run(story)


def test_a_refund_that_is_rolled_back_is_announced_to_nobody(db):
    with transaction.atomic():
        announce(1)
        transaction.set_rollback(True)
    assert not redis_client().exists(feed_key(STAFF))
