"""What `POST /usage` answers to those who may count, whichever door they ask through."""

from __future__ import annotations

import json
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from datetime import timezone as tz
from typing import Any

import pytest
from django.utils import timezone

from billing.usage.models import DailyUsage, QuotaSet, Threshold, UsageEvent
from billing.usage.periods import period_of
from sessions_live.models import User
from sessions_live.tokens import sign_in
from tests.billing.usage.conftest import Meters, counted
from tests.billing.usage.doors import ONE, Asker, dressed, refusal, shown

# --- what counts ----------------------------------------------------------------------------------


def test_it_is_counted_and_answered_with_where_one_stands(asker: Asker, alice: User):
    answer, month = asker.use(amount=2), period_of(None, timezone.now())
    assert answer.status_code == 201
    assert answer.text == json.dumps(
        {
            "usage_type": "entry",
            "used": 2,
            "limit": 5,
            "remaining": 3,
            "period_start": shown(month.start),
            "period_end": shown(month.end),
        },
        separators=(",", ":"),
    )
    dressed(answer)
    assert asker.ask("GET").json()[0] == answer.json()


def test_it_is_kept_as_it_was_told(asker: Asker, alice: User):
    at = timezone.now() - timedelta(hours=1)
    told = {"of": "diary", "deep": [{"é": None, "\U0001f600": 1.5}, True]}
    asker.use("storage", amount=9, event_id="e1", metadata=told, timestamp=at.isoformat())
    event, period = UsageEvent.objects.get(), period_of(None, at)
    assert (event.user, event.event_id, event.usage_type) == (alice, "e1", "storage")
    assert (event.amount, event.metadata, event.at, event.used, event.limit) == (9, told, at, 9, 10)
    assert (event.period_start, event.period_end) == (period.start, period.end)
    assert timezone.now() - timedelta(minutes=1) < event.received_at <= timezone.now()
    day = DailyUsage.objects.get()
    assert (day.usage_type, day.day, day.amount) == ("storage", at.date(), 9)
    (crossed,) = Threshold.objects.values_list("percent", "used", "limit", "period_start")
    assert crossed == (80, 9, 10, period.start)


def test_without_a_limit_nothing_is_said_to_remain(meters: Meters, asker: Asker, alice: User):
    meters.put_on(alice, "pro")
    answer = asker.use(amount=10**9).json()
    assert (answer["used"], answer["limit"], answer["remaining"]) == (10**9, None, None)


def test_a_soft_limit_is_counted_on_beyond(asker: Asker):
    answer = asker.use("storage", amount=25)
    assert (answer.status_code, answer.json()["remaining"]) == (201, 0)


def test_the_period_is_the_persons_own(meters: Meters, asker: Asker, alice: User):
    anchor = datetime(2024, 1, 31, 12, tzinfo=UTC)
    meters.put_on(alice, "basic", anchor=anchor)
    period = period_of(anchor, timezone.now())
    answer = asker.use().json()
    assert (answer["period_start"], answer["period_end"]) == (
        shown(period.start),
        shown(period.end),
    )


def test_a_late_event_counts_in_the_period_of_its_time(asker: Asker):
    late = timezone.now() - timedelta(days=34)
    answer = asker.use(timestamp=late.isoformat(), event_id="late")
    assert answer.json()["period_start"] == shown(period_of(None, late).start)


@pytest.mark.parametrize("hours", [14, -12])
def test_a_day_is_that_of_utc_in_whatever_zone_the_time_is_told(
    asker: Asker, alice: User, hours: int
):
    at = timezone.now() - timedelta(minutes=1)
    told = at.astimezone(tz(timedelta(hours=hours)))
    first = asker.use(timestamp=told.isoformat(), event_id="e1")
    assert (UsageEvent.objects.get().at, DailyUsage.objects.get().day) == (at, at.date())
    again = asker.use(timestamp=shown(at), event_id="e1")
    assert (again.content, counted(alice)) == (first.content, 1)


def test_what_allows_more_or_less_counts_from_the_next_request_on(
    meters: Meters, asker: Asker, alice: User
):
    asker.use(amount=5)
    assert asker.use().status_code == 402
    meters.put_on(alice, "", overrides={"entry": (6, None)})
    assert asker.use().json()["limit"] == 6
    meters.put_on(alice, "basic")
    assert asker.use().json()["limit"] == 100
    QuotaSet.objects.filter(tier="basic").update(limits={"entry": 50})
    assert asker.use().json()["limit"] == 50
    meters.put_on(alice, "basic", expires_at=timezone.now())
    assert asker.use().status_code == 402
    assert counted(alice) == 8


def test_a_repetition_is_answered_as_the_first_time_and_not_counted(asker: Asker, alice: User):
    told: dict[str, Any] = {"amount": 3, "event_id": "e1", "metadata": {"of": "diary"}}
    first = asker.use(**told)
    asker.use(amount=2)
    again = asker.use(**told)
    assert (again.status_code, again.content) == (201, first.content)
    assert counted(alice) == 5


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 2},
        {"metadata": {"of": "x"}},
        {"usage_type": "export"},
        {"timestamp": (timezone.now() - timedelta(hours=1)).isoformat()},
    ],
    ids=["amount", "metadata", "usage_type", "timestamp"],
)
def test_an_event_id_is_not_reused_for_something_else(asker: Asker, alice: User, other: dict):
    asker.use(event_id="e1")
    answer = asker.use(**{"usage_type": "entry", "event_id": "e1", **other})
    assert refusal(answer) == (422, "event_id_reused", "event_id")
    assert counted(alice) == 1


def test_what_would_pass_the_quota_is_refused_and_not_counted(asker: Asker, alice: User):
    asker.use(amount=4)
    assert refusal(asker.use(amount=2, event_id="e1")) == (402, "quota_exceeded", None)
    refused = asker.use("report")
    assert refusal(refused) == (402, "quota_exceeded", None)
    end = period_of(None, timezone.now()).end
    words = f"Your plan allows 0 of report until {shown(end)}, and this would pass it"
    assert refused.json()["errors"][0]["detail"].startswith(words)
    assert (counted(alice), DailyUsage.objects.get().amount) == (4, 4)
    assert asker.use(amount=1, event_id="e1").json()["remaining"] == 0


def test_everybody_counts_for_themselves(meters: Meters, asker: Asker, alice: User, bob: User):
    asker.use(amount=5, event_id="same")
    other = Asker(asker.door, sign_in(bob, ip=None, user_agent="tests").access)
    assert other.use(event_id="same").json()["used"] == 1
    assert (counted(alice), counted(bob)) == (5, 1)


def test_two_hundred_at_once_on_a_quota_of_a_hundred(meters: Meters, asker: Asker, alice: User):
    meters.put_on(alice, "basic")
    with ThreadPoolExecutor(50) as many:
        answers = list(many.map(lambda number: asker.use(event_id=f"e{number}"), range(200)))
    assert Tally(each.status_code for each in answers) == {201: 100, 402: 100}
    assert sorted(e.json()["used"] for e in answers if e.is_success) == list(range(1, 101))
    assert meters.used(alice) == counted(alice) == DailyUsage.objects.get().amount == 100
    marks = Threshold.objects.order_by("percent").values_list("percent", flat=True)
    assert list(marks) == [80, 100]


def test_the_same_event_fifty_times_at_once_counts_once(asker: Asker, alice: User):
    with ThreadPoolExecutor(50) as many:
        answers = list(many.map(lambda _: asker.use(amount=2, event_id="same"), range(50)))
    assert {(each.status_code, each.json()["used"]) for each in answers} == {(201, 2)}
    assert counted(alice) == 2


# --- what is malformed ----------------------------------------------------------------------------

DEEP = '{"a":' * 100 + "1" + "}" * 100
TEXTS = [
    ("", "required", "usage_type"),
    ("{}", "required", "usage_type"),
    ("null", "null", None),
    ("[]", "invalid", "non_field_errors"),
    ("7", "invalid", "non_field_errors"),
    ("{", "parse_error", None),
    (ONE + ONE, "parse_error", None),
    ("\ufeff" + ONE, "parse_error", None),
    (ONE.encode("utf-16"), "parse_error", None),
    (b'{"usage_type": "\xff"}', "parse_error", None),
    ("[" * 100_000, "parse_error", None),
    ('{"usage_type": "entry", "metadata": ' + DEEP + "}", "parse_error", None),
    ('{"usage_type": "entry", "amount": NaN}', "parse_error", None),
    ('{"usage_type": "entry", "amount": ' + "9" * 5000 + "}", "parse_error", None),
    ('{"usage_type": "entry", "metadata": {"a": 1e999}}', "invalid", "metadata"),
]
FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"usage_type": "nonsense"}, "unknown_usage_type"),
    ({"usage_type": None}, "null"),
    ({"usage_type": ""}, "blank"),
    ({"usage_type": True}, "invalid"),
    ({"usage_type": ["entry"]}, "invalid"),
    ({"usage_type": "x" * 51}, "max_length"),
    ({"usage_type": "en\0try"}, "null_characters_not_allowed"),
    ({"usage_type": "\ud800"}, "surrogate_characters_not_allowed"),
    ({"user_id": 1}, "unknown_field"),
    ({"": 1}, "unknown_field"),
    ({"a\0b": 1}, "unknown_field"),
    ({"\ud800": 1}, "unknown_field"),
    ({"amount": 0}, "min_value"),
    ({"amount": -1}, "min_value"),
    ({"amount": 10**9 + 1}, "max_value"),
    ({"amount": 10**4000}, "max_value"),
    ({"amount": 1.5}, "invalid"),
    ({"amount": True}, "invalid"),
    ({"amount": None}, "null"),
    ({"amount": [1]}, "invalid"),
    ({"amount": "many"}, "invalid"),
    ({"event_id": ""}, "blank"),
    ({"event_id": None}, "null"),
    ({"event_id": True}, "invalid"),
    ({"event_id": "x" * 256}, "max_length"),
    ({"event_id": "a\0b"}, "null_characters_not_allowed"),
    ({"event_id": "\ud83d"}, "surrogate_characters_not_allowed"),
    ({"metadata": []}, "not_a_dict"),
    ({"metadata": None}, "null"),
    ({"metadata": {"\ud800": 1}}, "invalid"),
    ({"metadata": {"\0": 1}}, "invalid"),
    ({"metadata": {"note": "é" * 2000}}, "invalid"),
    ({"timestamp": "yesterday"}, "invalid"),
    ({"timestamp": 1}, "invalid"),
    ({"timestamp": None}, "null"),
    ({"timestamp": "9999-12-31T23:59:59-12:00"}, "overflow"),
    ({"timestamp": "2020-01-01"}, "timestamp_out_of_range"),
]


@pytest.mark.parametrize(("body", "code", "attr"), TEXTS, ids=map(str, range(len(TEXTS))))
def test_a_malformed_text_is_refused(asker: Asker, body: Any, code: str, attr: str | None):
    assert refusal(asker.say(body)) == (400, code, attr)
    assert not UsageEvent.objects.exists()


@pytest.mark.parametrize(("told", "code"), FIELDS, ids=map(str, range(len(FIELDS))))
def test_a_malformed_field_is_refused(asker: Asker, told: dict[str, Any], code: str):
    (attr,) = told
    answer = asker.say(json.dumps({"usage_type": "entry", **told}))
    assert refusal(answer) == (400, code, attr)
    assert not UsageEvent.objects.exists()


def test_all_unknown_fields_are_named(asker: Asker):
    answer = asker.use(amuont=1, user=2)
    named = [(each["code"], each["attr"]) for each in answer.json()["errors"]]
    assert (answer.status_code, named) == (
        400,
        [("unknown_field", "amuont"), ("unknown_field", "user")],
    )
    assert answer.json()["type"] == "validation_error"


@pytest.mark.parametrize("body", [f" {ONE}\n", '{"usage_type": "export", "usage_type": "entry"}'])
def test_json_may_be_written_as_one_likes(asker: Asker, body: str):
    assert (asker.say(body).status_code, asker.say(body).json()["used"]) == (201, 2)


@pytest.mark.parametrize(
    ("told", "other"), [(1.0, 1), ("1", 1), (5e0, 5)], ids=["1.0", "text", "exponent"]
)
def test_a_whole_number_is_one_however_it_is_written(asker: Asker, told: Any, other: int):
    first = asker.use(amount=told, event_id="e1")
    assert first.status_code == 201
    assert asker.use(amount=other, event_id="e1").content == first.content
