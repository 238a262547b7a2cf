from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from billing.operations import outgoing
from billing.operations.keys import KeyReused
from billing.operations.models import Operation
from billing.operations.outgoing import Unanswered, UnderWay
from billing.providers.base import ProviderBusy, ProviderError, ProviderRefused
from config.kit.states import StaleState
from sessions_live.models import User
from tests.billing.operations.conftest import (
    DOWN,
    FAILS,
    LOST,
    REFUSAL,
    Scripted,
    ask,
    in_a_thread,
    let_pass,
)


def test_what_is_answered_has_happened_once(provider: Scripted):
    done = outgoing.submit(ask())
    assert (done.status, done.provider_id, done.attempts) == ("succeeded", "thing_1", 1)
    assert outgoing.submit(done).pk == done.pk
    assert provider.calls == [str(done.pk)]


def test_a_call_is_never_made_inside_a_transaction(provider: Scripted):
    operation = ask()
    with transaction.atomic(), pytest.raises(RuntimeError):
        outgoing.submit(operation)
    assert provider.calls == []


def test_a_refusal_is_an_end_and_keeps_the_providers_words(provider: Scripted):
    provider.begin(REFUSAL)
    operation = ask()
    with pytest.raises(ProviderRefused, match="Your card was declined"):
        outgoing.submit(operation)
    operation.refresh_from_db()
    assert (operation.status, operation.words) == ("failed", "do_not_honor")
    with pytest.raises(ProviderRefused, match="Your card was declined"):
        outgoing.submit(operation)
    assert len(provider.calls) == 1


def test_after_a_refusal_the_same_may_be_asked_for_anew(provider: Scripted):
    provider.begin(REFUSAL)
    refused = ask()
    with pytest.raises(ProviderRefused):
        outgoing.submit(refused)
    assert outgoing.submit(ask()).pk != refused.pk


def test_a_lost_answer_is_looked_up_and_not_asked_for_again(provider: Scripted):
    provider.begin(LOST)
    operation = ask()
    with pytest.raises(Unanswered):
        outgoing.submit(operation)
    assert operation.status == "unknown"
    let_pass(operation, minutes=2)
    assert outgoing.sweep()["operations_resolved"] == 1
    operation.refresh_from_db()
    assert (operation.status, operation.provider_id) == ("succeeded", "thing_1")
    assert (len(provider.calls), provider.look_ups) == (1, 1)


def test_what_did_not_happen_is_asked_for_with_the_same_key(provider: Scripted):
    provider.begin(FAILS)
    operation = ask()
    with pytest.raises(Unanswered):
        outgoing.submit(operation)
    let_pass(operation, minutes=2)
    outgoing.sweep()
    assert provider.look_ups == 1
    assert provider.calls == [str(operation.pk)] * 2
    assert provider.made == [str(operation.pk)]


def test_whoever_asks_again_need_not_wait_for_the_sweep(provider: Scripted):
    provider.begin(LOST)
    with pytest.raises(Unanswered):
        outgoing.submit(ask())
    assert outgoing.submit(ask()).status == "succeeded"
    assert len(provider.made) == 1


def test_the_sweep_leaves_what_is_not_due(provider: Scripted):
    provider.begin(FAILS)
    ask("thing:2")
    with pytest.raises(Unanswered):
        outgoing.submit(ask())
    assert outgoing.sweep()["operations_resolved"] == 0
    assert outgoing.sweep()["operations_open"] == 2
    assert len(provider.calls) == 1


def test_a_process_that_died_before_the_call_is_replaced_by_the_sweep(provider: Scripted):
    operation = ask()
    let_pass(operation, minutes=2)
    outgoing.sweep()
    assert (len(provider.calls), provider.look_ups) == (1, 0)


def test_a_process_that_died_in_the_call_is_looked_up_first(provider: Scripted):
    operation = ask()
    operation.begin_attempt()
    provider.made.append(str(operation.pk))
    let_pass(operation, minutes=2)
    outgoing.sweep()
    operation.refresh_from_db()
    assert operation.status == "succeeded"
    assert provider.calls == []


def test_while_the_provider_is_down_the_row_says_that_nothing_was_sent(provider: Scripted):
    provider.begin(DOWN, DOWN)
    operation = ask()
    with pytest.raises(Unanswered) as told:
        outgoing.submit(operation)
    assert (told.value.status, told.value.wait) == (503, 5)
    assert (operation.status, operation.attempts) == ("requested", 0)
    let_pass(operation, minutes=2)
    assert outgoing.sweep()["operations_resolved"] == 0
    let_pass(operation, minutes=2)
    assert outgoing.sweep()["operations_resolved"] == 1
    assert provider.look_ups == 0


def test_what_a_busy_provider_asks_for_is_honoured(provider: Scripted):
    provider.begin(ProviderBusy(wait=1800))
    operation = ask()
    with pytest.raises(Unanswered) as told:
        outgoing.submit(operation)
    assert (told.value.status, told.value.wait) == (503, 1800)
    operation.refresh_from_db()
    assert operation.due_at > timezone.now() + timedelta(minutes=29)


def test_pauses_grow_and_scatter():
    pauses = [outgoing.backoff(attempts).total_seconds() for attempts in range(1, 12)]
    assert 48 <= pauses[0] <= 72
    assert 96 <= pauses[1] <= 144
    assert max(pauses) <= 4320
    assert len(set(pauses)) == len(pauses)


def test_after_a_day_it_is_for_a_human_and_the_sweep_stays_away(provider: Scripted, caplog):
    provider.begin(*[FAILS] * outgoing.ATTEMPTS)
    operation = ask()
    with pytest.raises(Unanswered):
        outgoing.submit(operation)
    let_pass(operation, hours=25)
    for _ in range(outgoing.ATTEMPTS):
        Operation.objects.update(due_at=timezone.now())
        outgoing.sweep()
    operation.refresh_from_db()
    assert operation.needs_human_at is not None
    assert outgoing.sweep()["operations_for_a_human"] == 1
    assert len(provider.calls) == outgoing.ATTEMPTS
    assert [each.message for each in caplog.records if each.name == "alarm"] == [
        "operation needs a human"
    ]
    assert outgoing.resolve(operation).status == "succeeded"


def test_an_outage_that_is_over_within_the_day_needs_no_human(provider: Scripted):
    provider.begin(*[FAILS] * 9)
    operation = ask()
    with pytest.raises(Unanswered):
        outgoing.submit(operation)
    for _ in range(9):
        let_pass(operation, hours=1)
        outgoing.sweep()
    operation.refresh_from_db()
    assert (operation.status, operation.needs_human_at) == ("succeeded", None)


def test_a_look_up_that_is_refused_decides_nothing(provider: Scripted, monkeypatch):
    provider.begin(LOST)
    operation = ask()
    with pytest.raises(Unanswered):
        outgoing.submit(operation)
    monkeypatch.setattr(provider, "look_up", lambda _: (_ for _ in ()).throw(ProviderRefused()))
    outgoing.resolve(operation)
    assert operation.status == "unknown"
    assert len(provider.calls) == 1


def test_a_fault_of_our_own_is_kept_and_holds_nobody_up(provider: Scripted):
    provider.begin(lambda _: 1 / 0)
    broken, sound = ask("thing:1"), ask("thing:2")
    for each in (broken, sound):
        let_pass(each, minutes=2)
    assert outgoing.sweep()["operations_resolved"] == 1
    broken.refresh_from_db()
    assert broken.status == "unknown"
    assert "ZeroDivisionError" in broken.words


def test_another_wish_for_the_same_waits_its_turn(provider: Scripted):
    ask(wishes={"amount": 1})
    with pytest.raises(UnderWay):
        ask(wishes={"amount": 2})
    ask("thing:2", wishes={"amount": 2})


def test_the_same_key_is_the_same_operation_for_a_day(provider: Scripted):
    user = User.objects.create_user("alice@example.com")
    asked: dict[str, Any] = {"user": user, "idempotency_key": "k"}
    first = outgoing.submit(ask(**asked))
    assert ask(**asked).pk == first.pk
    with pytest.raises(KeyReused):
        ask(wishes={"amount": 2}, **asked)
    with pytest.raises(KeyReused):
        ask("thing:2", **asked)
    let_pass(first, hours=25)
    assert ask(**asked).pk != first.pk


def test_a_key_is_its_owners_alone(provider: Scripted):
    alice, bob = (User.objects.create_user(f"{name}@example.com") for name in ("alice", "bob"))
    first = ask("thing:1", user=alice, idempotency_key="k")
    assert ask("thing:2", user=bob, idempotency_key="k").pk != first.pk


def test_asked_for_at_once_it_is_called_once_and_answers_all(provider: Scripted):
    user, together = User.objects.create_user("alice@example.com"), threading.Barrier(6)

    def wish() -> str:
        together.wait()
        return str(outgoing.submit(ask(idempotency_key="k", user=user)).pk)

    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(in_a_thread(wish)) for _ in range(6)]
    assert {answer.result() for answer in answers} == set(provider.calls)
    assert len(provider.calls) == 1


def test_two_sweeps_at_once_resolve_it_once(provider: Scripted):
    provider.begin(FAILS)
    operation = ask()
    with pytest.raises(Unanswered):
        outgoing.submit(operation)
    let_pass(operation, minutes=2)
    with ThreadPoolExecutor(4) as pool:
        swept = [pool.submit(in_a_thread(outgoing.sweep)) for _ in range(4)]
    assert sum(each.result()["operations_resolved"] for each in swept) == 1
    assert len(provider.calls) == 2


def test_an_answer_that_comes_after_another_took_over_is_harmless(provider: Scripted):
    def meanwhile(operation: Operation) -> str:
        """The first caller was frozen for a minute; the sweep took it for dead."""
        let_pass(operation, minutes=2)
        other = Operation.objects.get(pk=operation.pk)
        provider.made.append(str(operation.pk))
        outgoing.resolve(other)
        return "answer"

    provider.begin(meanwhile)
    done = outgoing.submit(ask())
    assert (done.status, done.attempts) == ("succeeded", 2)
    assert len(provider.made) == 1


def test_a_call_that_is_under_way_is_not_taken_over(provider: Scripted):
    def meanwhile(operation: Operation) -> str:
        with pytest.raises(StaleState):
            outgoing.resolve(Operation.objects.get(pk=operation.pk))
        return "answer"

    provider.begin(meanwhile)
    assert outgoing.submit(ask()).attempts == 1


def test_an_old_failure_does_not_undo_a_new_answer(provider: Scripted):
    def meanwhile(operation: Operation) -> Exception:
        let_pass(operation, minutes=2)
        outgoing.resolve(Operation.objects.get(pk=operation.pk))
        return ProviderError()

    provider.begin(meanwhile)
    assert outgoing.submit(ask()).status == "succeeded"


def test_staff_may_settle_what_nobody_could_find_out(provider: Scripted):
    provider.begin(FAILS)
    operation = ask()
    with pytest.raises(Unanswered):
        outgoing.submit(operation)
    outgoing.give_up(operation, reason="Not there, says Stripe's support.")
    assert operation.status == "failed"
    with pytest.raises(StaleState):
        outgoing.give_up(Operation(pk=operation.pk, status="unknown"), reason="again")


def test_the_view_for_audits(provider: Scripted):
    done = outgoing.submit(ask())
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, kind, status, provider_id, attempts FROM audit_operation")
        assert cursor.fetchall() == [(done.pk, "test.make", "succeeded", "thing_1", 1)]
