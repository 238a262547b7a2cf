from __future__ import annotations

import time
from uuid import uuid4

import pytest

from billing.providers import get_provider, patience
from billing.providers.base import NewCustomer, ProviderBusy, ProviderDown, ProviderError
from billing.providers.breaker import Breaker
from tests.stand_in import StandIn

SOMEBODY = NewCustomer(customer_key="1", email="alice@example.com", user_id=1)


def ask() -> str:
    return get_provider("stripe").create_customer(SOMEBODY, key=str(uuid4())).made_id


@pytest.mark.parametrize("mode", ["delay", "slow_drip"])
def test_a_slow_answer_is_not_waited_for_longer_than_the_caller_may(sandbox: StandIn, mode: str):
    sandbox.control("faults", match="POST /v1/customers", mode=mode, seconds=30, times=2)
    started = time.monotonic()
    with patience.limited(0.6), pytest.raises(ProviderError):
        ask()
    assert time.monotonic() - started < 1.5


def test_an_answer_that_drips_fast_enough_is_read(sandbox: StandIn):
    sandbox.control("faults", match="POST /v1/customers", mode="slow_drip", seconds=0.4)
    assert ask().startswith("cus_")


def test_who_has_no_time_left_sends_nothing(sandbox: StandIn):
    with patience.limited(0), pytest.raises(ProviderDown):
        ask()
    assert sandbox.requests() == []


def test_nobody_waits_longer_than_those_outside_allow():
    with patience.limited(1), patience.limited(60):
        assert patience.left() <= 1
    assert patience.left() == float("inf")


def test_a_busy_stripe_is_left_alone_for_as_long_as_it_says(sandbox: StandIn):
    sandbox.control("faults", match="POST /v1/", mode="status", status=429, retry_after=20)
    with pytest.raises(ProviderBusy) as told:
        ask()
    assert told.value.wait == 20
    with pytest.raises(ProviderDown) as told_again:
        ask()
    assert 15 < (told_again.value.wait or 0) <= 20
    assert len(sandbox.requests()) == 1


class Quick(Breaker):
    FAILURES = 2
    PAUSE = 0.05


@pytest.fixture
def breaker() -> Quick:
    return Quick("test")


def shut(breaker: Breaker) -> bool:
    try:
        breaker.ask()
    except ProviderDown:
        return True
    return False


def test_failures_in_a_row_shut_it_and_others_do_not(breaker: Quick):
    breaker.failed()
    breaker.worked()
    breaker.failed()
    assert not shut(breaker)
    breaker.failed()
    assert shut(breaker)


def test_after_a_pause_one_is_let_through_and_opens_it_again(breaker: Quick):
    breaker.failed()
    breaker.failed()
    while shut(breaker):
        pass
    assert shut(breaker)
    breaker.worked()
    assert not shut(breaker)


def test_it_stays_shut_longer_each_time_that_one_fails(breaker: Quick):
    pauses = []
    for _ in range(3):
        breaker.failed()
        breaker.failed()
        with pytest.raises(ProviderDown) as told:
            breaker.ask()
        pauses.append(told.value.wait or 0)
    assert pauses == sorted(pauses)
    assert pauses[2] > 2 * pauses[0]
