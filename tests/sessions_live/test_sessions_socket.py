"""/ws/sessions, message by message."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sessions_live import live, sessions, tokens
from sessions_live.models import LiveSession, User
from tests.sessions_live.conftest import bearer
from tests.sessions_live.wire import Wire, connected, crowd, in_thread, lose_the_subscription, run

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/ws/sessions"


def signed_in(user: User) -> tokens.TokenPair:
    return tokens.sign_in(user, ip=None, user_agent="")


async def listed(wire: Wire) -> list[dict[str, Any]]:
    frame = await wire.says()
    assert frame["type"] == "session_update"
    return frame["sessions"]


def age(pair: tokens.TokenPair, **ago: float) -> None:
    long_ago = timezone.now() - timedelta(**ago)
    LiveSession.objects.filter(pk=pair.session_id).update(last_active_at=long_ago)


def test_who_joins_reads_all_sessions_the_own_one_first_and_online(alice, bob):
    async def story():
        async with connected(token=here.access, path=PATH) as wire:
            first, second = await listed(wire)
            assert (first["id"], first["is_current"], first["online"]) == (own, True, True)
            assert (second["id"], second["is_current"], second["online"]) == (other, False, False)

    here, there, _ = signed_in(alice), signed_in(alice), signed_in(bob)
    own, other = str(here.session_id), str(there.session_id)
    run(story)


def test_a_new_sign_in_appears_and_goes_on_and_offline(alice, monkeypatch):
    async def story():
        async with connected(token=here.access, path=PATH) as wire:
            await listed(wire)
            there = await in_thread(signed_in, alice)
            created = await wire.says()
            assert (created["type"], created["session"]["online"]) == ("session_created", False)
            assert created["session"]["id"] == str(there.session_id)
            async with connected(token=there.access):
                assert (await wire.says())["session"]["online"] is True
            gone = await wire.says()
            assert (gone["type"], gone["session"]["online"]) == ("session_update", False)

    monkeypatch.setattr("sessions_live.presence.GRACE", 0)
    here = signed_in(alice)
    run(story)


def test_activity_is_shown_to_all_and_each_knows_its_own(alice):
    async def story():
        async with (
            connected(token=here.access, path=PATH) as mine,
            connected(token=there.access, path=PATH) as other,
        ):
            await listed(mine), await listed(other)
            await mine.says()
            await mine.tell({"type": "update_activity"})
            shown = [(await each.says())["session"] for each in (mine, other)]
        assert [each.pop("is_current") for each in shown] == [True, False]
        assert shown[0] == shown[1]
        assert shown[0]["id"] == str(here.session_id)
        assert shown[0]["last_active"] > before

    here, there = signed_in(alice), signed_in(alice)
    age(here, seconds=60)
    before = timezone.now().isoformat(timespec="milliseconds")[:23]
    run(story)


def test_activity_is_written_once_in_five_seconds_and_shown_every_time(alice):
    async def story():
        async with connected(token=here.access, path=PATH) as wire:
            await listed(wire)
            for _ in range(5):
                await wire.tell({"type": "update_activity"})
                shown.append((await wire.says())["session"]["last_active"])

    here = signed_in(alice)
    shown: list[str] = []
    age(here, seconds=6)
    run(story)
    assert len(shown) == 5
    assert len(set(shown)) == 1


def test_a_session_is_revoked_by_message_and_everybody_hears_before_it_closes(alice):
    async def story():
        async with (
            connected(token=here.access, path=PATH) as mine,
            connected(token=there.access, path=PATH) as other,
            connected(token=there.access) as its_payments,
        ):
            await listed(mine), await listed(other)
            await mine.says()
            await mine.tell({"type": "revoke_session", "id": doomed, "ref": {"n": 1}})
            heard = [await mine.says(), await mine.says()]
            farewell = {"type": "session_revoked", "session_id": doomed}
            assert {"type": "ack", "ref": {"n": 1}, "success": True} in heard
            assert farewell in heard
            assert await other.says() == farewell
            assert await other.close_code() == 4409
            assert await its_payments.close_code() == 4409

    here, there = signed_in(alice), signed_in(alice)
    doomed = str(there.session_id)
    run(story)
    assert bearer(there.access).get("/api/v1/me").status_code == 401


def test_all_others_are_revoked_and_counted(alice, bob):
    async def story():
        async with connected(token=here.access, path=PATH) as wire:
            await listed(wire)
            await wire.tell({"type": "revoke_all_sessions", "ref": "all"})
            heard = [await wire.says() for _ in range(3)]
            assert {"type": "ack", "ref": "all", "success": True, "revoked_count": 2} in heard
            assert await wire.ask({"type": "ping"}) == {"type": "pong"}

    here, bobs = signed_in(alice), signed_in(bob)
    signed_in(alice), signed_in(alice)
    run(story)
    alive = LiveSession.objects.live().values_list("pk", flat=True)
    assert set(alive) == {here.session_id, bobs.session_id}


def test_fuzzed_messages_end_nobody_elses_session_and_tell_nothing(alice, bob):
    """R28: five hundred at each socket, while things happen to the other person. Foreign ids get
    the answer of unknown ones, and there is no room to join."""

    async def story():
        for number in range(50):
            async with (
                connected(token=here.access, path=PATH) as list_,
                connected(token=here.access) as feed,
            ):
                await listed(list_)
                await in_thread(live.push, bob.pk, "payment:update", {"payment_id": number})
                await in_thread(live.push_to_staff, "refund:update", {"refund_id": number})
                for frame in (absurd(dice, foreign) for _ in range(10)):
                    assert await list_.ask(frame) in refusals(frame), frame
                    assert (await feed.ask(frame))["type"] == "error", frame
                await in_thread(signed_in, bob)

    here, foreign, dice = signed_in(alice), str(signed_in(bob).session_id), random.Random(5)
    run(story)
    assert LiveSession.objects.live().filter(user=bob).count() == 51


def refusals(frame: dict[str, Any]) -> list[dict[str, Any]]:
    """Those to a question for a session, and to one that nobody understands."""
    unknown = {"type": "ack", "ref": frame["ref"], "success": False, "error": "Session not found"}
    detail = "There is no message of this type."
    absurdity = {"type": "error", "code": "unknown_type", "detail": detail}
    return [unknown if frame["type"] == "revoke_session" else absurdity]


def absurd(dice: random.Random, foreign: str) -> dict[str, Any]:
    what = [foreign, str(uuid.uuid4()), "", "1' OR 1=1", 7, None, [foreign], {"id": foreign}]
    words = ["join", "subscribe", "join_session_room", "revoke_session", "session_update", "x" * 99]
    chosen = {name: dice.choice(what) for name in ("id", "userId", "user_id", "room", "sessionId")}
    return {"type": dice.choice([*words, "revoke_session"]), **chosen, "ref": dice.random()}


def revoke(pair: tokens.TokenPair, user: User) -> None:
    sessions.revoke(user, pair.session_id)


def sign_out(pair: tokens.TokenPair, user: User) -> None:
    sessions.end_session(pair.session_id, reason="signed_out")


def disable(pair: tokens.TokenPair, user: User) -> None:
    change(user, is_active=False)


def demote(pair: tokens.TokenPair, user: User) -> None:
    change(user, is_staff=False)


def set_password(pair: tokens.TokenPair, user: User) -> None:
    person = User.objects.get(pk=user.pk)
    person.set_password("five wandering geese")
    person.save()


def expire(pair: tokens.TokenPair, user: User) -> None:
    age(pair, days=8)
    sessions.expire_sessions()


@pytest.mark.parametrize(
    ("end", "path", "code"),
    [
        (revoke, PATH, 4409),
        (sign_out, PATH, 4409),
        (disable, PATH, 4409),
        (set_password, PATH, 4409),
        (demote, "/ws/payments", 4401),
        (expire, PATH, 4401),
    ],
)
def test_whatever_ends_a_session_closes_all_of_its_sockets(carol, settings, end, path, code):
    """R29, in one process: a hundred at once, and not a word after the farewell. The second that
    is promised is measured in tests/scorecard/test_socket_ends.py."""

    async def story():
        async with crowd(100, token=pair.access, path=path) as wires:
            began = asyncio.get_running_loop().time()
            await in_thread(end, pair, carol)
            await in_thread(signed_in, carol)
            await in_thread(live.push, carol.pk, "payment:update", {})
            ends = await asyncio.gather(*(wire.last_words() for wire in wires))
            assert asyncio.get_running_loop().time() - began < 2
        for said, closed_with in ends:
            assert closed_with == code
            assert [frame["type"] for frame in said] == expected

    settings.SOCKETS_PER_PERSON = settings.SOCKETS_PER_ADDRESS = 200
    farewell = "session_expired" if end is expire else "session_revoked"
    expected = ["session_update", farewell] if path == PATH else []
    pair = signed_in(carol)
    run(story)


def change(user: User, **fields: bool) -> None:
    person = User.objects.get(pk=user.pk)
    for name, value in fields.items():
        setattr(person, name, value)
    person.save()


def test_the_weekly_clean_up_tells_the_others(alice):
    async def story():
        async with connected(token=here.access, path=PATH) as wire:
            assert len(await listed(wire)) == 1
            assert await in_thread(sessions.expire_sessions) == 1
            expired = {"type": "session_expired", "session_id": str(idle.session_id)}
            assert await wire.says() == expired

    here, idle = signed_in(alice), signed_in(alice)
    age(idle, days=7, seconds=1)
    assert bearer(idle.access).get("/api/v1/me").status_code == 401
    run(story)
    assert LiveSession.objects.get(pk=idle.session_id).end_reason == "expired"


def test_after_a_lost_subscription_the_list_is_sent_again(alice):
    async def story():
        async with connected(token=here.access, path=PATH) as wire:
            assert len(await listed(wire)) == 1
            await in_thread(lose_the_subscription)
            assert len(await listed(wire)) == 1

    here = signed_in(alice)
    run(story)


def test_news_that_redis_did_not_take_are_reported_as_missed_in_every_way(alice, monkeypatch):
    """R32: also where Redis only hung, and the subscription never noticed."""

    async def story():
        async with (
            connected(token=here.access) as feed,
            connected(token=here.access, path=PATH) as list_,
        ):
            await listed(list_)
            await in_thread(live.push, alice.pk, "payment:update", {"payment_id": 1})
            seen = (await feed.says())["event_id"]
            line.rests_until = float("inf")
            await in_thread(live.push, alice.pk, "payment:update", {"payment_id": 2})
            await in_thread(signed_in, alice)
            line.rests_until = 0.0
            assert await feed.says() == {"type": "reset"}
            assert len(await listed(list_)) == 2
            await in_thread(live.push, alice.pk, "payment:update", {"payment_id": 3})
            assert (await feed.says())["data"] == {"payment_id": 3}
        async with connected(token=here.access) as feed:
            await feed.tell({"type": "resume", "after": seen})
            assert await feed.says() == {"type": "reset"}
            assert (await feed.says())["data"] == {"payment_id": 3}

    line = live._line
    monkeypatch.setattr(line, "RETRY", 0.05)
    here = signed_in(alice)
    run(story)


def test_one_person_gets_so_many_sockets_and_then_4429(alice, bob, settings):
    async def story():
        async with connected(token=mine), connected(token=mine) as open_still:
            async with connected(token=mine) as third:
                assert await third.close_code() == 4429
            async with connected(token=bobs), connected(token=bobs) as fourth:
                assert await fourth.close_code() == 4429
            assert await open_still.ask({"type": "ping"}) == {"type": "pong"}
        async with connected(token=mine) as again:
            assert await again.ask({"type": "ping"}) == {"type": "pong"}

    settings.SOCKETS_PER_PERSON, settings.SOCKETS_PER_ADDRESS = 2, 3
    mine, bobs = signed_in(alice).access, signed_in(bob).access
    run(story)
