"""News without Redis: the caller goes on, soon."""

from __future__ import annotations

import time

import pytest

from sessions_live import live
from tests.config.kit.conftest import absent_redis  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def test_without_redis_nothing_is_raised_and_nobody_waits_long(absent_redis, caplog):  # noqa: F811
    began = time.monotonic()
    live.push(1, "payment:update", {})
    assert time.monotonic() - began < 1.5
    assert "was not sent" in caplog.text
