"""News without Redis: the caller goes on, soon."""

from __future__ import annotations

import time

import pytest

from config.kit.redis_client import Absence
from sessions_live import live
from sessions_live.line import Line
from tests.config.kit.conftest import absent_redis  # noqa: F401
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def a_line_that_has_not_failed(monkeypatch):
    line = Line()
    monkeypatch.setattr(live, "_line", line)
    yield
    eventually(lambda: not line.is_mending)


def test_without_redis_nothing_is_raised_and_nobody_waits_long(absent_redis, caplog):  # noqa: F811
    began = time.monotonic()
    live.push(1, "payment:update", {})
    assert time.monotonic() - began < 1.5
    assert "were not told" in caplog.text


def test_a_hundred_news_wait_for_a_hung_redis_once(absent_redis, caplog):  # noqa: F811
    began = time.monotonic()
    for user_id in range(100):
        live.push(user_id, "payment:update", {})
    assert time.monotonic() - began < 2.5
    assert caplog.text.count("were not told") == 1


def test_after_its_rest_the_line_is_tried_again(absent_redis, caplog, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Line, "REST", 0.0)
    monkeypatch.setattr(Absence, "SECONDS", 0.0)
    live.push(1, "payment:update", {})
    live.push(2, "payment:update", {})
    assert caplog.text.count("were not told") == 2
