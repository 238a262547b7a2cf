from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.usage.metering import EventIdReused, QuotaExceeded, Usage, meter
from billing.usage.models import Counter, DailyUsage, Threshold, UsageEvent
from billing.usage.periods import period_of
from sessions_live.models import User
from tests.billing.usage.conftest import Meters, counted


def at_once(many: int, act: Callable[[], object]) -> Tally[str]:
    """Real threads, each with a connection of its own; how each ended."""
    ends: list[str] = []
    gate = threading.Barrier(many)

    def run() -> None:
        try:
            gate.wait()
            ends.append(type(act()).__name__)
        except Exception as error:  # noqa: BLE001 - how it ended is what is counted
            ends.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Tally(ends)


def test_what_is_used_is_counted_in_the_running_month(meters: Meters, alice: User):
    answer = meters.use(alice, amount=2)
    month = period_of(None, timezone.now())
    assert answer.status_code == 201
    assert answer.json() == {
        "usage_type": "entry",
        "used": 2,
        "limit": 5,
        "remaining": 3,
        "period_start": month.start.isoformat().replace("+00:00", "Z"),
        "period_end": month.end.isoformat().replace("+00:00", "Z"),
    }


def test_a_hard_limit_is_never_passed_and_a_refusal_counts_nothing(meters: Meters, alice: User):
    meters.use(alice, amount=4)
    answer = meters.use(alice, amount=2, event_id="late")
    assert answer.status_code == 402
    assert answer.json()["errors"][0]["code"] == "quota_exceeded"
    assert (meters.used(alice), counted(alice)) == (4, 4)
    assert DailyUsage.objects.get().amount == 4
    assert meters.use(alice, amount=1, event_id="late").json()["remaining"] == 0


def test_the_first_event_of_a_period_can_be_too_much_already(meters: Meters, alice: User):
    assert meters.use(alice, amount=6).status_code == 402
    assert not Counter.objects.exists()


def test_a_soft_limit_is_counted_on_beyond(meters: Meters, alice: User):
    answer = meters.use(alice, "storage", amount=25)
    assert answer.status_code == 201
    assert (answer.json()["limit"], answer.json()["remaining"]) == (10, 0)


def test_without_a_limit_nothing_remains_to_be_said(meters: Meters, alice: User):
    meters.put_on(alice, "pro")
    answer = meters.use(alice, amount=1_000_000_000).json()
    assert (answer["used"], answer["limit"], answer["remaining"]) == (10**9, None, None)


def test_an_unknown_type_is_refused_with_those_that_are_known(meters: Meters, alice: User):
    answer = meters.use(alice, "nonsense")
    assert answer.status_code == 400
    error = answer.json()["errors"][0]
    assert (error["code"], error["attr"]) == ("unknown_usage_type", "usage_type")
    assert "entry, export, report, storage" in error["detail"]


def test_what_a_plan_does_not_have_is_beyond_its_quota(meters: Meters, alice: User):
    assert meters.use(alice, "report").status_code == 402


@pytest.mark.parametrize(
    "told",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 1.5},
        {"amount": 10**9 + 1},
        {"event_id": ""},
        {"event_id": "x" * 256},
        {"event_id": "a\x00b"},
        {"metadata": [1]},
        {"metadata": {"note": "a\x00b"}},
        {"metadata": {"note": "x" * 4000}},
        {"user_id": 1},
        {"timestamp": "yesterday"},
    ],
)
def test_malformed_events_are_refused(meters: Meters, alice: User, told: dict):
    answer = meters.use(alice, **told)
    assert answer.status_code == 400, answer.json()
    assert not UsageEvent.objects.exists()


def test_half_a_character_is_refused(meters: Meters, alice: User):
    body = r'{"usage_type": "entry", "metadata": {"note": "\ud800"}}'
    answer = meters.client(alice).post("/api/v1/usage", body, content_type="application/json")
    assert answer.status_code == 400


def test_signed_out_people_count_nothing(meters: Meters, client):
    for path in ("usage", "usage/batch"):
        assert client.post(f"/api/v1/{path}", {}, "application/json").status_code == 401
    for path in ("usage", "usage/history"):
        assert client.get(f"/api/v1/{path}").status_code == 401


def test_everybody_has_counters_of_their_own(meters: Meters, alice: User, bob: User):
    meters.use(alice, amount=5, event_id="same")
    assert meters.use(bob, event_id="same").json()["used"] == 1
    assert meters.used(alice) == 5


def test_an_event_id_counts_once_and_is_answered_the_same(meters: Meters, alice: User):
    first = meters.use(alice, amount=3, event_id="e1", metadata={"of": "diary"})
    meters.use(alice, amount=2)
    again = meters.use(alice, amount=3, event_id="e1", metadata={"of": "diary"})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert meters.used(alice) == 5


@pytest.mark.parametrize(
    "other", [{"amount": 2}, {"metadata": {"of": "x"}}, {"usage_type": "export"}]
)
def test_an_event_id_is_not_reused_for_something_else(meters: Meters, alice: User, other: dict):
    meters.use(alice, event_id="e1")
    answer = meters.use(alice, **{"usage_type": "entry", "event_id": "e1", **other})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "event_id_reused"
    assert counted(alice) == 1


def test_late_events_count_in_the_period_of_their_time(meters: Meters, alice: User):
    now = timezone.now()
    late = now - timedelta(days=34)
    answer = meters.use(alice, timestamp=late.isoformat(), event_id="late")
    assert answer.json()["period_start"] == period_of(None, late).start.isoformat().replace(
        "+00:00", "Z"
    )
    assert DailyUsage.objects.get().day == late.date()
    repeated = meters.use(alice, timestamp=late.isoformat(), event_id="late")
    assert repeated.json() == answer.json()
    for other in (now - timedelta(days=36), now + timedelta(minutes=6)):
        refused = meters.use(alice, timestamp=other.isoformat())
        assert refused.json()["errors"][0]["code"] == "timestamp_out_of_range"


def test_months_are_counted_from_the_plans_anchor(meters: Meters, alice: User):
    anchor = datetime(2024, 1, 31, 12, tzinfo=UTC)
    meters.put_on(alice, "basic", anchor=anchor)
    answer = meters.use(alice).json()
    period = period_of(anchor, timezone.now())
    assert datetime.fromisoformat(answer["period_start"]) == period.start


def test_an_upgrade_raises_the_limit_at_once_and_keeps_what_was_used(meters: Meters, alice: User):
    meters.put_on(alice, "", anchor=timezone.now())
    meters.use(alice, amount=5)
    assert meters.use(alice).status_code == 402
    meters.put_on(alice, "basic")
    assert meters.use(alice).json()["used"] == 6


def test_a_downgrade_keeps_what_was_used(meters: Meters, alice: User):
    meters.put_on(alice, "basic", anchor=timezone.now())
    meters.use(alice, amount=50)
    meters.put_on(alice, "")
    assert meters.use(alice).status_code == 402
    (entry, *_) = meters.client(alice).get("/api/v1/usage").json()
    assert (entry["used"], entry["limit"], entry["remaining"]) == (50, 5, 0)


def test_the_end_of_a_grace_counts_whether_or_not_anybody_looks(meters: Meters, alice: User):
    meters.put_on(alice, "basic", expires_at=timezone.now() + timedelta(hours=1))
    assert meters.use(alice).json()["limit"] == 100
    meters.put_on(alice, "basic", expires_at=timezone.now())
    assert meters.use(alice).json()["limit"] == 5


def test_an_override_counts_until_its_end(meters: Meters, alice: User):
    now = timezone.now()
    meters.put_on(alice, "", overrides={"entry": (7, now + timedelta(hours=1))})
    assert meters.use(alice).json()["limit"] == 7
    meters.put_on(alice, "", overrides={"entry": (7, now)})
    assert meters.use(alice).json()["limit"] == 5
    meters.put_on(alice, "", overrides={"entry": (None, None)})
    assert meters.use(alice).json()["limit"] is None


def test_each_threshold_is_recorded_once_per_period(meters: Meters, alice: User):
    meters.put_on(alice, "basic")
    for amount in (79, 1, 5, 15):
        meters.use(alice, amount=amount)
    found = Threshold.objects.order_by("percent").values_list("percent", "used", "limit")
    assert list(found) == [(80, 80, 100), (100, 100, 100)]
    meters.put_on(alice, "pro")
    meters.use(alice, amount=500)
    assert Threshold.objects.count() == 2


def test_a_quota_of_one_reaches_all_of_itself_and_no_part(meters: Meters, alice: User):
    meters.use(alice, "export")
    assert Threshold.objects.get().percent == 100


def test_two_hundred_at_once_on_a_quota_of_a_hundred_are_exactly_a_hundred(
    meters: Meters, alice: User
):
    meters.put_on(alice, "basic")
    ends = at_once(200, lambda: meter(alice.pk, Usage("entry")))
    assert ends == {"Standing": 100, "QuotaExceeded": 100}
    assert meters.used(alice) == counted(alice) == DailyUsage.objects.get().amount == 100
    assert list(Threshold.objects.values_list("percent", flat=True).order_by("percent")) == [
        80,
        100,
    ]


def test_the_same_event_fifty_times_at_once_counts_once(meters: Meters, alice: User):
    answers: set[int] = set()

    def act() -> object:
        standing = meter(alice.pk, Usage("entry", 2, "same"))
        answers.add(standing.used)
        return standing

    assert at_once(50, act) == {"Standing": 50}
    assert answers == {2}
    assert meters.used(alice) == counted(alice) == 2


def test_it_can_be_part_of_a_callers_transaction(meters: Meters, alice: User):
    from django.db import transaction

    meter(alice.pk, Usage("entry", 1, "e1"))
    with transaction.atomic():
        assert meter(alice.pk, Usage("entry", 1, "e1")).used == 1
        with pytest.raises(EventIdReused):
            meter(alice.pk, Usage("entry", 2, "e1"))
        with pytest.raises(QuotaExceeded):
            meter(alice.pk, Usage("entry", 9))
        meter(alice.pk, Usage("entry", 1))
    assert meters.used(alice) == 2


def test_counting_is_three_statements(meters: Meters, alice: User):
    api = meters.client(alice)
    with CaptureQueriesContext(connection) as statements:
        api.post("/api/v1/usage", {"usage_type": "entry", "event_id": "e1"})
    assert len(statements) == 3  # the session with its user, the terms, the count
    with CaptureQueriesContext(connection) as statements:
        api.get("/api/v1/usage")
    assert len(statements) == 3
