from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from rest_framework.test import APIClient

from apikeys.guessing import GUESSES_PER_MINUTE
from apikeys.minting import mint

DOOR = "/api/v1/me"
ELSEWHERE = "198.51.100.7"

pytestmark = pytest.mark.django_db(transaction=True)


def knock(secret: str, address: str = "203.0.113.9") -> int:
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}", REMOTE_ADDR=address)
    return api.get(DOOR).status_code


def alarms(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [each for each in caplog.records if each.name == "alarm"]


def guess(_: int) -> int:
    try:
        return knock(mint())
    finally:
        connection.close()


def test_a_thousand_guesses_are_slowed_down_with_one_alarm_and_nobody_else_notices(
    secret: str, caplog: pytest.LogCaptureFixture
):
    with ThreadPoolExecutor(8) as guessers:
        answers = list(guessers.map(guess, range(1000)))
    assert answers.count(401) == GUESSES_PER_MINUTE
    assert answers.count(429) == 1000 - GUESSES_PER_MINUTE
    (cry,) = alarms(caplog)
    assert cry.getMessage() == "API keys are being guessed"
    assert cry.__dict__["address"] == "203.0.113.9"
    # A good key works on, even from the address that guesses.
    assert (knock(secret), knock(secret, ELSEWHERE), knock(mint(), ELSEWHERE)) == (200, 200, 401)


def test_a_program_that_goes_on_with_its_old_key_guesses_nothing(
    caplog: pytest.LogCaptureFixture,
):
    revoked = mint()
    assert {knock(revoked) for _ in range(GUESSES_PER_MINUTE + 20)} == {401}
    assert not alarms(caplog)


def test_another_forwarded_address_does_not_begin_anew():
    for number in range(GUESSES_PER_MINUTE):
        api = APIClient(HTTP_AUTHORIZATION=f"Bearer {mint()}")
        api.get(DOOR, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert knock(mint(), "127.0.0.1") == 429
