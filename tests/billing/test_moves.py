"""One table says what may be done in which state; each door obeys it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from billing import moves
from billing.models import Subscription
from billing.moves import Move, State
from billing.operations.models import Operation
from billing.subscription_acts import KIND
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.life import Life

BODIES: dict[Move, tuple[str, dict[str, Any]]] = {
    Move.SWITCH: ("change", {"tier": "pro"}),
    Move.PLAN_SWITCH: ("change", {"tier": "starter"}),
    Move.KEEP: ("change", {"tier": "trader"}),
    Move.CANCEL: ("cancel", {}),
    Move.END: ("cancel", {"at_period_end": False}),
    Move.REACTIVATE: ("reactivate", {}),
    Move.PAUSE: ("pause", {}),
    Move.RESUME: ("resume", {}),
}
# How a row looks in each state, for those that no test here lives through.
LOOKS: dict[State, dict[str, Any]] = {
    State.INCOMPLETE: {"status": "incomplete"},
    State.PAST_DUE: {"status": "past_due"},
    State.UNPAID: {"status": "unpaid"},
    State.PAUSED: {"status": "paused"},
    State.ENDING: {"cancel_at_period_end": True},
    State.ENDED: {"status": "canceled"},
}


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop, alice, "trader")


def test_every_state_answers_for_every_move():
    assert set(moves.TABLE) == set(State)
    for row in moves.TABLE.values():
        assert set(row) == set(Move)


@pytest.mark.parametrize("state", LOOKS)
def test_what_the_table_refuses_is_a_409_with_its_words(life: Life, state: State):
    Subscription.objects.update(**LOOKS[state])
    assert moves.state_of(life.row) == state
    for move, why in moves.TABLE[state].items():
        if not why or move not in BODIES:
            continue
        # A change to another plan is one wish, whichever way it would go.
        path, body = BODIES[move]
        expected = moves.TABLE[state][Move.SWITCH] if path == "change" else why
        assert life.refused(path, **body) == expected
    assert not Operation.objects.filter(kind=KIND).exists()


def test_who_has_no_subscription_is_told_so(shop: Shop, bob: User):
    api = shop.client(bob)
    for path, body in BODIES.values():
        answer = api.post(f"/api/v1/subscription/{path}", body)
        assert answer.status_code == 409
        assert answer.json()["errors"][0]["detail"] == moves.NONE


def test_doors_are_closed_to_strangers_and_strict_about_what_they_take(life: Life, client):
    for path, _ in BODIES.values():
        assert client.post(f"/api/v1/subscription/{path}").status_code == 401
    assert client.get("/api/v1/subscription/change-preview?tier=pro").status_code == 401
    wrong = life.post("pause", forever=True)
    assert (wrong.status_code, wrong.json()["errors"][0]["attr"]) == (400, "forever")
    assert life.post("cancel", reason="x" * 501).status_code == 400
    assert life.api.get("/api/v1/subscription/change-preview").status_code == 400


def test_the_same_key_gives_the_same_answer_also_when_it_could_not_be_done_again(life: Life):
    first, second = (life.post("cancel", key="k", at_period_end=False) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert life.post("cancel", key="k").status_code == 422
    assert life.post("pause", key="k").status_code == 422
    assert life.post("cancel", key="other").status_code == 409


def test_a_stripe_that_is_down_is_a_502_and_the_same_key_goes_on(life: Life):
    stripe = life.shop.stripe
    stripe.control("faults", match="POST /v1/subscriptions", mode="status", status=500, times=9)
    assert life.post("cancel", key="k").status_code in (502, 503)
    assert life.seen["cancel_at_period_end"] is False
    stripe.http.delete("/_sandbox/faults")
    assert life.post("cancel", key="k").json()["cancel_at_period_end"] is True


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("change", {"tier": "pro"}), ("change", {"tier": "elite"})),
        (("change", {"tier": "pro"}), ("cancel", {"at_period_end": False})),
        (("pause", {}), ("cancel", {})),
    ],
)
def test_of_two_changes_at_once_one_wins(life: Life, one, other):
    together = Barrier(2)

    def knock(wish):
        path, body = wish
        together.wait()
        try:
            return life.post(path, **body).status_code
        finally:
            connection.close()

    # The provider takes its time, so that both are there while one is under way.
    life.shop.stripe.control(
        "faults", match="POST /v1/subscriptions", mode="delay", seconds=0.5, times=1
    )
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(knock, (one, other)))
    assert answers == [200, 409]
    assert Operation.objects.filter(kind=KIND, status="succeeded").count() == 1


def test_a_change_is_made_once_however_often_it_is_asked_for_at_once(life: Life):
    def knock(_):
        try:
            return life.post("change", key="k", tier="pro").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(knock, range(4))) == {200}
    life.hear()
    assert len(life.invoices()) == 2
    assert life.history() == [("plan_changed", "customer")]
