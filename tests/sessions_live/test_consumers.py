from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from config.kit.redis_client import redis_client
from sessions_live import live, tokens
from sessions_live.line import feed_key
from sessions_live.models import LiveSession, User
from sessions_live.rooms import payments_room
from sessions_live.sessions import end_session
from tests.sessions_live.wire import (
    access_token,
    connected,
    in_thread,
    lose_the_subscription,
    run,
)

pytestmark = pytest.mark.django_db(transaction=True)


def push(user: User, number: int) -> None:
    live.push(user.pk, "payment:update", {"payment_id": number})


async def apush(user: User, number: int) -> None:
    await in_thread(push, user, number)


def test_a_token_opens_the_socket_and_news_arrive(alice):
    async def story():
        async with connected(token=token) as wire:
            assert wire.subprotocol == "bearer"
            await apush(alice, 7)
            news = await wire.says()
            assert news.pop("event_id") > 0
            assert news == {"type": "payment:update", "data": {"payment_id": 7}}

    token = access_token(alice)
    run(story)


def test_news_of_somebody_else_do_not_arrive(alice, bob):
    async def story():
        async with connected(token=token) as wire:
            await apush(bob, 1)
            await apush(alice, 2)
            assert (await wire.says())["data"] == {"payment_id": 2}

    token = access_token(alice)
    run(story)


def test_news_of_a_transaction_that_is_rolled_back_are_never_sent(alice):
    with transaction.atomic():
        push(alice, 1)
        transaction.set_rollback(True)
    assert not redis_client().exists(feed_key(payments_room(alice.pk)))


def test_news_are_sent_when_the_transaction_commits(alice):
    with transaction.atomic():
        push(alice, 1)
        assert not redis_client().exists(feed_key(payments_room(alice.pk)))
    assert redis_client().xlen(feed_key(payments_room(alice.pk))) == 1


def test_resume_sends_what_was_missed_in_order_and_once(alice):
    async def story():
        async with connected(token=token) as wire:
            await apush(alice, 1)
            seen = (await wire.says())["event_id"]
        for number in (2, 3):
            await apush(alice, number)
        async with connected(token=token) as wire:
            await wire.tell({"type": "resume", "after": seen})
            await apush(alice, 4)
            news = [await wire.says() for _ in range(3)]
        assert [each["data"]["payment_id"] for each in news] == [2, 3, 4]
        assert seen < news[0]["event_id"] < news[1]["event_id"] < news[2]["event_id"]

    token = access_token(alice)
    run(story)


def test_resume_after_the_newest_sends_nothing(alice):
    async def story():
        async with connected(token=token) as wire:
            await apush(alice, 1)
            seen = (await wire.says())["event_id"]
            await wire.tell({"type": "resume", "after": seen})
            assert await wire.ask({"type": "ping"}) == {"type": "pong"}

    token = access_token(alice)
    run(story)


def test_resume_over_a_gap_says_reset(alice):
    async def story():
        async with connected(token=token) as wire:
            assert await wire.ask({"type": "resume", "after": 0}) == {"type": "reset"}
            await apush(alice, 1)
            seen = (await wire.says())["event_id"]
            assert await wire.ask({"type": "resume", "after": seen - 1}) == {"type": "reset"}
            redis_client().flushdb()
            assert await wire.ask({"type": "resume", "after": seen}) == {"type": "reset"}

    token = access_token(alice)
    run(story)


def test_a_thousand_events_are_kept_for_a_day(alice):
    for number in range(live.KEPT_EVENTS + 5):
        push(alice, number)
    feed = redis_client()
    assert feed.xlen(feed_key(payments_room(alice.pk))) == live.KEPT_EVENTS
    assert 0 < feed.ttl(feed_key(payments_room(alice.pk))) <= live.KEPT_SECONDS


def test_event_ids_grow_even_after_redis_was_emptied(alice):
    def newest() -> int:
        (name, _), *_ = redis_client().xrevrange(feed_key(payments_room(alice.pk)), count=1)
        return int(name.split(b"-")[0])

    push(alice, 1)
    before = newest()
    redis_client().flushdb()
    push(alice, 2)
    assert newest() > before


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"text_data": "{"}, "not_json"),
        ({"text_data": "[" * 60_000}, "not_json"),
        ({"text_data": "[]"}, "no_type"),
        ({"text_data": '{"type": 7}'}, "no_type"),
        ({"text_data": '{"type": "join", "room": "payments.1"}'}, "unknown_type"),
        ({"text_data": '{"type": "resume"}'}, "invalid_after"),
        ({"text_data": '{"type": "resume", "after": -1}'}, "invalid_after"),
        ({"text_data": '{"type": "resume", "after": true}'}, "invalid_after"),
        ({"text_data": '{"type": "resume", "after": 1e400}'}, "invalid_after"),
        ({"bytes_data": b"\x00\xff"}, "not_text"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_a_malformed_message_is_answered_and_the_socket_stays_open(alice, frame, code):
    async def story():
        async with connected(token=token) as wire:
            await wire.tell_raw(**frame)
            error = await wire.says()
            assert (error["type"], error["code"]) == ("error", code)
            assert await wire.ask({"type": "ping"}) == {"type": "pong"}

    token = access_token(alice)
    run(story)


def test_the_sixteenth_malformed_message_in_a_minute_closes_with_4429(alice):
    async def story():
        async with connected(token=token) as wire:
            for _ in range(15):
                assert (await wire.ask({"type": "x"}))["type"] == "error"
            await wire.tell({"type": "x"})
            assert await wire.close_code() == 4429

    token = access_token(alice)
    run(story)


def test_a_frame_over_64_kilobytes_closes_with_1009(alice):
    async def story():
        async with connected(token=token) as wire:
            await wire.tell({"type": "ping", "filler": "x" * 65_536})
            assert await wire.close_code() == 1009

    token = access_token(alice)
    run(story)


def test_sockets_of_an_ended_session_close_and_others_stay(alice):
    async def story():
        async with connected(token=here.access) as ending, connected(token=there) as staying:
            await in_thread(end_session, here.session_id, reason="signed_out")
            assert await ending.close_code() == 4409
            assert await staying.ask({"type": "ping"}) == {"type": "pong"}

    here, there = tokens.sign_in(alice, ip=None, user_agent=""), access_token(alice)
    run(story)


def test_a_session_whose_end_was_not_told_is_found_by_looking_again(alice, monkeypatch):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(LiveSession.objects.all().delete)
            assert await wire.close_code() == 4401

    monkeypatch.setattr("sessions_live.keeping.REAUTHORISE_SECONDS", 0.05)
    token = access_token(alice)
    run(story)


@pytest.mark.parametrize(("reason", "code"), [("revoked", 4409), ("expired", 4401)])
def test_an_end_that_was_not_told_has_its_own_code_all_the_same(alice, monkeypatch, reason, code):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(end_quietly, reason)
            assert await wire.close_code() == code

    monkeypatch.setattr("sessions_live.keeping.REAUTHORISE_SECONDS", 0.05)
    token = access_token(alice)
    run(story)


def end_quietly(reason: str) -> None:
    LiveSession.objects.update(ended_at=timezone.now(), end_reason=reason)


def test_a_socket_closes_when_its_token_expires(alice):
    async def story():
        async with connected(token=str(token)) as wire:
            assert await wire.close_code() == 4401

    token = AccessToken(access_token(alice))  # type: ignore[arg-type]
    token.set_exp(lifetime=timedelta(seconds=2))
    run(story)


def test_sockets_survive_a_lost_redis_connection_and_are_told_to_read_again(alice):
    async def story():
        async with connected(token=token) as wire:
            await in_thread(lose_the_subscription)
            assert await wire.says() == {"type": "reset"}
            await apush(alice, 1)
            assert (await wire.says())["data"] == {"payment_id": 1}

    token = access_token(alice)
    run(story)
