from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.usage.batches import meter_batch
from billing.usage.metering import Usage, meter
from billing.usage.models import Counter, DailyUsage, Threshold, UsageEvent
from config.kit.errors import AppError
from sessions_live.models import User
from tests.billing.usage.conftest import Meters, counted
from tests.billing.usage.test_metering import at_once


def send(meters: Meters, user: User, *events: Any) -> Any:
    return meters.client(user).post("/api/v1/usage/batch", {"events": list(events)})


def test_each_event_is_judged_by_itself(meters: Meters, alice: User):
    meters.use(alice, event_id="known")
    answer = send(
        meters,
        alice,
        {"usage_type": "entry", "amount": 3, "event_id": "a"},
        {"usage_type": "entry", "amount": 3, "event_id": "b"},
        {"usage_type": "entry", "event_id": "known"},
        {"usage_type": "entry", "amount": 3, "event_id": "a"},
        {"usage_type": "export", "event_id": "a"},
        {"usage_type": "nonsense"},
        {"usage_type": "entry", "amount": 0},
        {"usage_type": "entry", "colour": "red"},
        {"usage_type": "entry", "timestamp": "2020-01-01T00:00:00Z"},
        17,
        None,
        {"usage_type": "storage", "amount": 99},
    )
    assert answer.status_code == 201
    assert answer.json() == {
        "accepted": 2,
        "duplicates": 2,
        "rejected": [
            {"index": 1, "code": "quota_exceeded"},
            {"index": 4, "code": "event_id_reused"},
            {"index": 5, "code": "unknown_usage_type"},
            {"index": 6, "code": "min_value"},
            {"index": 7, "code": "unknown_field"},
            {"index": 8, "code": "timestamp_out_of_range"},
            {"index": 9, "code": "invalid"},
            {"index": 10, "code": "null"},
        ],
    }
    assert (meters.used(alice), meters.used(alice, "storage")) == (4, 99)


def test_sent_again_a_batch_is_all_duplicates(meters: Meters, alice: User):
    events = [{"usage_type": "entry", "event_id": f"e{n}"} for n in range(5)]
    assert send(meters, alice, *events).json()["accepted"] == 5
    assert send(meters, alice, *events).json() == {"accepted": 0, "duplicates": 5, "rejected": []}
    assert meters.used(alice) == counted(alice) == 5


@pytest.mark.parametrize("body", [{}, {"events": []}, {"events": "x"}, {"events": [{}] * 1001}])
def test_a_malformed_list_is_an_error(meters: Meters, alice: User, body: dict):
    assert meters.client(alice).post("/api/v1/usage/batch", body).status_code == 400


def test_a_thousand_events_are_a_dozen_statements(meters: Meters, alice: User):
    meters.put_on(alice, "pro")
    events = [{"usage_type": "entry", "event_id": f"e{n}"} for n in range(1000)]
    api = meters.client(alice)
    with CaptureQueriesContext(connection) as statements:
        assert api.post("/api/v1/usage/batch", {"events": events}).json()["accepted"] == 1000
    assert len(statements) <= 12
    assert DailyUsage.objects.get().amount == meters.used(alice) == 1000


def test_batches_at_once_pass_no_limit_and_count_nothing_twice(meters: Meters, alice: User):
    meters.put_on(alice, "basic")
    own = [(n, Usage("entry", 1)) for n in range(20)]
    shared = [(20 + n, Usage("export", 1, f"e{n}")) for n in range(5)]
    at_once(12, lambda: meter_batch(alice.pk, own + shared))
    assert meters.used(alice) == 100
    assert meters.used(alice, "export") == 5
    assert counted(alice) == 105
    assert set(Threshold.objects.values_list("usage_type", "percent")) == {
        ("entry", 80),
        ("entry", 100),
    }


def test_batches_that_name_the_same_ids_in_opposite_orders_wait_for_each_other_in_one(
    meters: Meters, alice: User
):
    meters.put_on(alice, "basic")
    for turn in range(10):
        ids = [f"{turn}:{n}" for n in range(5)]
        sides = iter([("entry", ids), ("export", ids[::-1])])

        def act(sides: Any = sides) -> object:
            name, keys = next(sides)
            return meter_batch(alice.pk, [(n, Usage(name, 1, key)) for n, key in enumerate(keys)])

        assert at_once(2, act) == {"Tally": 2}
    assert counted(alice) == 50


names = st.sampled_from(["entry", "export", "storage", "nonsense"])
ids = st.none() | st.sampled_from(["a", "b", "c"])
ages = st.none() | st.sampled_from([timedelta(0), timedelta(days=34), timedelta(days=40)])


@settings(max_examples=30, deadline=None)
@given(told=st.lists(st.tuples(names, st.integers(1, 4), ids, ages), max_size=12))
def test_a_batch_ends_as_its_events_one_by_one(django_db_blocker, told: list):
    now = timezone.now()
    events = [
        Usage(name, amount, key, at=now - age if age is not None else None)
        for name, amount, key, age in told
    ]

    def alone(user_id: int) -> None:
        for event in events:
            try:
                meter(user_id, event)
            except AppError:
                continue

    with django_db_blocker.unblock():
        ends = [
            end_of(act)
            for act in (alone, lambda user_id: meter_batch(user_id, list(enumerate(events))))
        ]
    assert ends[0] == ends[1]


def end_of(act: Any) -> list[Any]:
    """What is in the rows after `act` on a new person; undone at once."""
    with transaction.atomic():
        meters = Meters()
        user = meters.person("somebody@example.com")
        act(user.pk)
        rows = [
            sorted(Counter.objects.exclude(used=0).values_list("usage_type", "used")),
            sorted(
                map(str, UsageEvent.objects.values_list("usage_type", "amount", "event_id", "used"))
            ),
            sorted(DailyUsage.objects.values_list("usage_type", "day", "amount")),
            sorted(Threshold.objects.values_list("usage_type", "percent")),
        ]
        transaction.set_rollback(True)
    return rows
