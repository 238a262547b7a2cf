from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from config.kit import limiter
from config.kit.limiter import Limit, TooMany
from config.kit.redis_client import redis_client

pytestmark = pytest.mark.usefixtures("empty_redis")

TEN = Limit("test", "alice", 10)


def passes(*limits: Limit) -> bool:
    try:
        limiter.take(*limits)
    except TooMany:
        return False
    return True


def test_of_a_volley_exactly_as_many_pass_as_are_allowed():
    start = Barrier(100)

    def one(_: int) -> bool:
        start.wait()
        return passes(TEN)

    with ThreadPoolExecutor(100) as threads:
        assert sum(threads.map(one, range(100))) == 10


def test_others_are_counted_apart():
    assert [passes(TEN) for _ in range(11)].count(True) == 10
    assert passes(Limit("test", "bob", 10))
    assert passes(Limit("other", "alice", 10))


def test_the_refusal_says_when_to_come_back():
    once = Limit("test", "alice", 1)
    limiter.take(once)
    with pytest.raises(TooMany) as refused:
        limiter.take(once)
    assert (refused.value.status, refused.value.code) == (429, "throttled")
    assert refused.value.wait in (59, 60)


def test_a_try_that_one_limit_refuses_is_not_counted_by_the_others():
    once = Limit("test", "once", 1)
    limiter.take(once)
    assert not any(passes(TEN, once) for _ in range(20))
    assert [passes(TEN) for _ in range(11)].count(True) == 10


def test_a_try_that_is_given_back_may_be_made_again():
    once = Limit("test", "alice", 1)
    limiter.give_back(limiter.take(once), once)
    assert passes(once)
    assert not passes(once)


def test_each_try_counts_for_a_minute_by_itself():
    twice = Limit("test", "alice", 2)
    first = limiter.take(twice)
    limiter.take(twice)
    assert not passes(twice)
    redis_client().zincrby(twice.key, -60_000, first)
    assert [passes(twice), passes(twice)] == [True, False]


def test_without_redis_everybody_passes_soon_and_it_is_logged_once(absent_redis, caplog):
    limiter._outage.on = False
    began = time.monotonic()
    with caplog.at_level(logging.ERROR, logger="config.kit.limiter"):
        assert passes(Limit("test", "alice", 1))
        assert time.monotonic() - began < 1.5
        assert passes(Limit("test", "alice", 1))
    assert caplog.text.count("limits are off") == 1


def test_a_redis_that_hangs_is_waited_for_once_not_at_each_question(absent_redis):
    began = time.monotonic()
    for _ in range(10):
        assert passes(Limit("test", "alice", 1))
    assert time.monotonic() - began < 1.5
