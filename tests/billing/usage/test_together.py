"""Usage that many tell of at the same moment, counted together before Django."""

from __future__ import annotations

import asyncio
from collections import Counter as Sums
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apikeys.bearers import KeyBearers
from apikeys.keys import create_key, revoke
from apikeys.models import APIKey
from apikeys.scopes import USUAL
from billing.entitlements import grant
from billing.models import Plan
from billing.usage import door as doors
from billing.usage.door import UsageDoor
from billing.usage.metering import Standing, Usage
from billing.usage.models import Counter, DailyUsage, Threshold, UsageEvent
from billing.usage.serializers import read_plain_usage, read_usage
from billing.usage.together import Told, meter_together
from config.asgi import django
from config.kit import measuring
from config.kit.ids import new_id
from config.kit.redis_client import redis_client
from sessions_live.bearers import SessionBearers
from sessions_live.models import User
from sessions_live.sessions import end_sessions_of
from sessions_live.tokens import sign_in
from tests.billing.usage.conftest import Meters, counted
from tests.billing.usage.doors import PATH, dressed, refusal
from tests.waiting import eventually


class Seen:
    """A door, and how many requests it handed on to Django."""

    def __init__(self) -> None:
        self.door = UsageDoor(self.hand_on, [KeyBearers(), SessionBearers()])
        self.handed_on = 0

    async def hand_on(self, *asgi: Any) -> None:
        self.handed_on += 1
        await django(*asgi)

    def ask(
        self,
        *told: tuple[str, dict[str, Any]],
        then: Callable[[int], None] = lambda place: None,
        headers: Mapping[str, str] | None = None,
    ) -> list[httpx.Response]:
        """All of them at the same moment: credentials, each with a body. `then` hears the place of
        each when it is answered."""

        async def ask_all() -> list[httpx.Response]:
            passage = httpx.ASGITransport(self.door)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=passage, base_url="http://localhost") as http:

                async def ask_one(place: int) -> httpx.Response:
                    bearer, body = told[place]
                    shown = {"Authorization": f"Bearer {bearer}", **(headers or {})}
                    answer = await http.post(PATH, json=body, headers=shown)
                    then(place)
                    return answer

                return await asyncio.gather(*map(ask_one, range(len(told))))

        return asyncio.run(ask_all())

    def one(self, bearer: str, usage_type: str = "entry", **told: Any) -> httpx.Response:
        return self.ask((bearer, {"usage_type": usage_type, **told}))[0]


@pytest.fixture
def seen(meters: Meters) -> Seen:
    """It has learnt how Django answers, from somebody who is of no further interest."""
    opened = Seen()
    first = opened.one(token(meters.person("first@example.com")), event_id="first")
    assert first.status_code == 201
    opened.handed_on = 0
    return opened


@pytest.fixture
def holder(meters: Meters, alice: User) -> User:
    """Alice with a plan, so that she may have API keys."""
    redis_client().flushdb()
    grant(user=alice, plan=Plan.objects.get(tier="basic"), source=f"order:{new_id()}")
    return alice


def token(user: User) -> str:
    return sign_in(user, ip=None, user_agent="tests").access


def entries(bearer: str, many: int, **told: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(bearer, {"usage_type": "entry", "event_id": f"e{n}", **told}) for n in range(many)]


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else []


def end_the_connection() -> None:
    known = connection.connection.info
    address = {"host": known.host, "port": known.port, "user": known.user, "dbname": known.dbname}
    with psycopg.connect(**address, password=known.password, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [known.backend_pid])


def tally(answers: list[httpx.Response]) -> Sums[int]:
    return Sums(answer.status_code for answer in answers)


def test_the_first_of_its_shape_is_answered_by_django_and_the_rest_as_it_was(
    meters: Meters, alice: User
):
    seen, bearer = Seen(), token(alice)
    first, second = (seen.one(bearer, event_id=name) for name in ("e1", "e2"))
    assert seen.handed_on == 1
    assert second.json() == {**first.json(), "used": 2, "remaining": 3}
    own = {"x-request-id", "content-length"}
    assert second.headers.keys() == first.headers.keys()
    assert {k: v for k, v in second.headers.items() if k not in own} == {
        k: v for k, v in first.headers.items() if k not in own
    }
    dressed(second)


@pytest.mark.parametrize(
    "headers", [{"Accept": "application/json"}, {"Host": "127.0.0.1"}, {"X-Something": "else"}]
)
def test_a_request_of_another_shape_is_djangos(seen: Seen, alice: User, headers: dict[str, str]):
    body = {"usage_type": "entry", "event_id": "e1"}
    assert tally(seen.ask((token(alice), body), headers=headers)) == {201: 1}
    assert seen.handed_on == 1


@pytest.mark.parametrize(
    "header",
    [
        {"Content-Length": "0" * 5_000 + "42"},
        {"Authorization": "Bearer  {token}"},
        {"X-Large": "x" * 3_000},
        {"Cookie": "csrftoken=bad"},
    ],
)
def test_what_is_out_of_the_ordinary_is_always_djangos(
    seen: Seen, meters: Meters, alice: User, header: dict[str, str]
):
    meters.put_on(alice, "pro")
    bearer = token(alice)
    sent = {name: value.format(token=bearer) for name, value in header.items()}
    for n in range(3):
        seen.ask((bearer, {"usage_type": "entry", "event_id": f"e{n}"}), headers=sent)
    assert seen.handed_on == 3


def test_a_trace_from_the_proxy_makes_no_other_shape(seen: Seen, alice: User):
    for name in ("e1", "e2"):
        body = {"usage_type": "entry", "event_id": name}
        assert tally(seen.ask((token(alice), body), headers={"Traceparent": name})) == {201: 1}
    assert seen.handed_on == 0


def test_a_fault_of_the_door_is_told_and_left_to_django(
    seen: Seen, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(doors, "meter_together", lambda told: 1 / 0)
    assert tally(seen.ask(*entries(token(alice), 3))) == {201: 3}
    assert seen.handed_on == counted(alice) == 3
    assert "ZeroDivisionError" in caplog.text


def test_a_refused_host_stays_refused(seen: Seen, alice: User):
    for name in ("e1", "e2"):
        body = {"usage_type": "entry", "event_id": name}
        assert tally(seen.ask((token(alice), body), headers={"Host": "elsewhere.example"})) == {
            400: 1
        }
    assert counted(alice) == 0


def test_the_callers_request_id_comes_back_and_a_bad_one_does_not(seen: Seen, alice: User):
    bearer = token(alice)
    for offered, is_kept in (("a-1", True), ("a b", False)):
        body = {"usage_type": "entry", "event_id": offered}
        (answer,) = seen.ask((bearer, body), headers={"X-Request-ID": offered})
        assert (answer.headers["x-request-id"] == offered) is is_kept
    assert seen.handed_on == 0


def test_an_answer_from_here_is_measured_like_any_other(seen: Seen, alice: User):
    labels = ("POST", "^api/v1/usage/?$", 201)
    before = measuring.requests.labels(*labels)._value.get()
    seen.ask(*entries(token(alice), 3))
    assert seen.handed_on == 0
    assert measuring.requests.labels(*labels)._value.get() == before + 3


def test_usage_without_an_event_id_is_djangos(seen: Seen, alice: User):
    assert seen.one(token(alice)).status_code == 201
    assert seen.handed_on == 1


def test_each_is_told_the_counter_after_it(seen: Seen, meters: Meters, alice: User, bob: User):
    meters.put_on(alice, "pro")
    meters.put_on(bob, "pro")
    told = entries(token(alice), 30) + entries(token(bob), 20, amount=2)
    answers = seen.ask(*told)
    assert tally(answers) == {201: 50}
    assert seen.handed_on == 0
    used = [answer.json()["used"] for answer in answers]
    assert (used[:30], used[30:]) == ([*range(1, 31)], [*range(2, 42, 2)])
    assert [meters.used(each) for each in (alice, bob)] == [30, 40]
    assert [counted(each) for each in (alice, bob)] == [30, 40]
    days = DailyUsage.objects.filter(user__in=(alice, bob)).order_by("user")
    assert list(days.values_list("amount", flat=True)) == [30, 40]


def test_of_200_at_once_a_limit_of_100_takes_exactly_100(seen: Seen, meters: Meters, alice: User):
    meters.put_on(alice, "basic")
    answers = seen.ask(*entries(token(alice), 200))
    assert tally(answers) == {201: 100, 402: 100}
    used = [answer.json()["used"] for answer in answers if answer.status_code == 201]
    assert sorted(used) == list(range(1, 101))
    assert meters.used(alice) == counted(alice) == 100


def test_one_event_told_50_times_at_once_counts_once(seen: Seen, meters: Meters, alice: User):
    meters.put_on(alice, "pro")
    body = {"usage_type": "entry", "event_id": "the same", "amount": 3}
    answers = seen.ask(*[(token(alice), body)] * 50)
    assert tally(answers) == {201: 50}
    assert len({answer.content for answer in answers}) == 1
    assert meters.used(alice) == counted(alice) == 3


def test_two_processes_count_the_same_events_once(seen: Seen, meters: Meters, alice: User):
    """In opposite orders, so that each holds what the other one wants."""
    meters.put_on(alice, "pro")
    other, bearer = Seen(), token(alice)
    other.door._learnt = seen.door._learnt
    told = entries(bearer, 60)

    async def both() -> tuple[list[httpx.Response], list[httpx.Response]]:
        there, back = await asyncio.gather(
            asyncio.to_thread(seen.ask, *told), asyncio.to_thread(other.ask, *reversed(told))
        )
        return there, back[::-1]

    there, back = asyncio.run(both())
    assert [answer.content for answer in there] == [answer.content for answer in back]
    assert meters.used(alice) == counted(alice) == 60


def test_each_threshold_is_noted_once_where_it_was_reached(seen: Seen, meters: Meters, alice: User):
    meters.put_on(alice, "basic")
    seen.ask(*entries(token(alice), 100))
    rows = Threshold.objects.filter(user=alice).order_by("percent")
    assert list(rows.values_list("percent", "used", "limit")) == [(80, 80, 100), (100, 100, 100)]


def test_a_soft_limit_is_counted_on_beyond(seen: Seen, alice: User):
    answers = seen.ask(*entries(token(alice), 12, usage_type="storage"))
    assert tally(answers) == {201: 12}
    assert seen.handed_on == 0
    assert answers[-1].json()["used"] == 12


def test_what_comes_late_counts_in_its_own_time_and_is_kept_as_it_was_told(
    seen: Seen, meters: Meters, alice: User
):
    now = timezone.now()
    meters.put_on(alice, "pro", anchor=now - timedelta(days=3))
    late = (now - timedelta(days=5)).astimezone(UTC)
    extra = {"timestamp": late.isoformat(), "metadata": {"said": "Ω 'quoted' \\ 😀", "n": 1.5}}
    early, running = seen.ask(
        (token(alice), {"usage_type": "entry", "event_id": "late", **extra}),
        (token(alice), {"usage_type": "entry", "event_id": "now"}),
    )
    assert seen.handed_on == 0
    assert early.json()["period_end"] == running.json()["period_start"]
    kept = UsageEvent.objects.get(user=alice, event_id="late")
    assert (kept.at, kept.metadata) == (late, extra["metadata"])
    assert DailyUsage.objects.get(user=alice, day=late.date()).amount == 1


@pytest.mark.parametrize(
    ("told", "refused"),
    [
        ({"usage_type": "nonsense"}, (400, "unknown_usage_type", "usage_type")),
        ({"usage_type": "report"}, (402, "quota_exceeded", None)),
        ({"amount": 6}, (402, "quota_exceeded", None)),
        ({"amount": 0}, (400, "min_value", "amount")),
        ({"timestamp": "2020-01-01T00:00:00Z"}, (400, "timestamp_out_of_range", "timestamp")),
        ({"more": 1}, (400, "unknown_field", "more")),
        ({"metadata": {"in": nested(200)}}, (400, "parse_error", None)),
    ],
)
def test_what_cannot_be_counted_is_refused_by_django_and_spoils_nothing(
    seen: Seen, meters: Meters, alice: User, bob: User, told: dict[str, Any], refused: Any
):
    meters.put_on(bob, "pro")
    bad = {"usage_type": "entry", "event_id": "bad", **told}
    first, *rest = seen.ask((token(alice), bad), *entries(token(bob), 10))
    assert refusal(first) == refused
    assert tally(rest) == {201: 10}
    assert seen.handed_on == 1
    assert (counted(alice), counted(bob)) == (0, 10)


def test_an_event_id_that_stood_for_something_else_is_refused(seen: Seen, alice: User):
    bearer = token(alice)
    seen.one(bearer, event_id="e1")
    assert refusal(seen.one(bearer, event_id="e1", amount=2)) == (
        422,
        "event_id_reused",
        "event_id",
    )
    assert counted(alice) == 1


def test_whoever_is_signed_out_is_refused_at_once(seen: Seen, alice: User):
    bearer = token(alice)
    assert seen.one(bearer, event_id="e1").status_code == 201
    end_sessions_of(alice, reason="revoked")
    assert refusal(seen.one(bearer, event_id="e2"))[:2] == (401, "token_not_valid")
    assert counted(alice) == 1


def test_a_higher_limit_counts_at_once(seen: Seen, meters: Meters, alice: User):
    bearer = token(alice)
    assert tally(seen.ask(*entries(bearer, 5))) == {201: 5}
    assert seen.one(bearer, event_id="more").status_code == 402
    meters.put_on(alice, "basic")
    assert seen.one(bearer, event_id="more").status_code == 201


# --- API keys -------------------------------------------------------------------------------------


def test_a_key_counts_for_its_owner_and_is_seen_to_be_used(seen: Seen, holder: User):
    secret = create_key(holder, name="Importer").secret
    assert tally(seen.ask(*entries(secret, 20))) == {201: 20}
    assert seen.handed_on == 0
    assert counted(holder) == 20
    assert APIKey.objects.get(user=holder, name="Importer").last_used_at


def test_a_revoked_key_is_refused_at_once(seen: Seen, holder: User):
    shown = create_key(holder, name="Importer")
    assert seen.one(shown.secret, event_id="e1").status_code == 201
    revoke(shown.key, reason="test")
    assert refusal(seen.one(shown.secret, event_id="e2"))[:2] == (401, "key_not_valid")


def test_a_key_can_do_no_more_than_its_scopes(seen: Seen, holder: User):
    others = [scope for scope in USUAL if scope != "usage:write"]
    secret = create_key(holder, name="Reader", scopes=others).secret
    assert refusal(seen.one(secret, event_id="e1"))[:2] == (403, "scope_missing")
    assert counted(holder) == 0


def test_a_key_asks_as_often_as_its_plan_lets_it(seen: Seen, holder: User):
    Plan.objects.filter(tier="basic").update(requests_per_minute=30)
    secret = create_key(holder, name="Importer").secret
    assert tally(seen.ask(*entries(secret, 50))) == {201: 30, 429: 20}
    assert counted(holder) == 30


def test_a_request_that_django_answers_counts_once_against_the_limit(seen: Seen, holder: User):
    Plan.objects.filter(tier="basic").update(requests_per_minute=4)
    secret = create_key(holder, name="Importer").secret
    for _ in range(4):
        assert seen.one(secret, event_id="the same").status_code == 201
    assert seen.handed_on == 3
    assert seen.one(secret, event_id="the same").status_code == 429


# --- what it stands on ----------------------------------------------------------------------------


def test_a_connection_that_breaks_loses_nothing_and_counts_nothing_twice(
    seen: Seen, meters: Meters, alice: User, monkeypatch: pytest.MonkeyPatch
):
    """The worst moment: all was counted, and only the answer is lost."""
    meters.put_on(alice, "pro")

    def counted_unheard(told: list[Told | None]) -> list[Standing | None]:
        assert all(meter_together(told))
        end_the_connection()
        return meter_together(told)

    monkeypatch.setattr(doors, "meter_together", counted_unheard)
    answers = seen.ask(*entries(token(alice), 10))
    assert tally(answers) == {201: 10}
    assert seen.handed_on == 10
    assert sorted(answer.json()["used"] for answer in answers) == list(range(1, 11))
    assert meters.used(alice) == counted(alice) == 10


def test_nobody_waits_for_the_lock_of_somebody_elses_counter(
    seen: Seen, meters: Meters, alice: User, bob: User
):
    for each in (alice, bob):
        meters.put_on(each, "pro")
    told = entries(token(alice), 2) + entries(token(bob), 2)
    assert tally(seen.ask(told[0], told[2])) == {201: 2}
    happened: list[Any] = []
    with ThreadPoolExecutor(1) as aside:
        with transaction.atomic():
            Counter.objects.select_for_update().get(user=alice)
            asking = aside.submit(seen.ask, told[1], told[3], then=happened.append)
            eventually(lambda: happened == [1])
            happened.append("the lock was given back")
        assert tally(asking.result(20)) == {201: 2}
    assert happened == [1, "the lock was given back", 0]
    assert (counted(alice), counted(bob)) == (2, 2)


def test_a_turn_asks_the_database_three_times_however_many_are_in_it(
    meters: Meters, alice: User, bob: User
):
    kind, asked = SessionBearers(), {}
    for many in (2, 60):
        sessions = [kind.recognise(token(each)) for each in (alice, bob)] * (many // 2)
        told = [
            doors.Asked(kind, each, Usage("storage", 1, f"{many}-{n}"))
            for n, each in enumerate(sessions)
        ]
        with CaptureQueriesContext(connection) as asked[many]:
            assert all(doors.count(told))
    assert [len(each) for each in asked.values()] == [3, 3]


words = st.text(max_size=60) | st.sampled_from(["entry", "é", " e", "e ", "a b", "", "x" * 256])
anything = st.none() | st.booleans() | st.integers() | st.floats() | words | st.lists(words)
bodies = st.dictionaries(
    st.sampled_from(["usage_type", "event_id", "amount", "metadata", "other"]),
    anything | st.integers(-1, 3) | st.sampled_from([10**9, 10**9 + 1]),
)


@given(bodies | anything)
def test_what_is_read_quickly_is_what_is_read_thoroughly(told: Any):
    quick = read_plain_usage(told)
    if quick is not None:
        assert read_usage(told) == quick


def test_nearly_all_is_read_quickly():
    told = {"usage_type": "entry", "event_id": "order-1:2026/11", "amount": 3}
    assert read_plain_usage(told) == Usage("entry", 3, "order-1:2026/11")


def test_an_event_is_looked_for_by_its_id_also_where_the_plan_was_made_while_there_were_none(
    meters: Meters,
):
    with connection.cursor() as cursor:
        # Quite empty, as in a new installation; deleted rows would leave their pages.
        cursor.execute("TRUNCATE usage_usageevent")
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute(
            "PREPARE known (bigint, text) AS SELECT id FROM usage_usageevent"
            " WHERE user_id = $1 AND event_id = $2"
        )
        cursor.execute("EXPLAIN EXECUTE known (1, 'e1')")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("DEALLOCATE known")
        cursor.execute("RESET plan_cache_mode")
    assert "one_count_per_event_id" in plan
