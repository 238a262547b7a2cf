from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core import mail as post
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from billing.mails import outbox
from billing.mails.models import Mail
from config.kit.redis_client import redis_client
from sessions_live.models import User

PASSWORD = "four wandering geese"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "{} Safari/537.36"
)
OLD, NEWER = CHROME.format("Chrome/140.0.0.0"), CHROME.format("Chrome/141.0.0.0")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HOME, NEXT_DOOR, ELSEWHERE = "203.0.113.7", "203.0.113.99", "198.51.100.7"


@pytest.fixture
def alice(transactional_db: None) -> User:
    redis_client().flushdb()
    return User.objects.create_user("alice@example.com", PASSWORD)


def sign_in(browser: str = OLD, address: str = HOME) -> None:
    asked = {"email": "alice@example.com", "password": PASSWORD}
    api = APIClient(HTTP_USER_AGENT=browser, REMOTE_ADDR=address)
    assert api.post("/api/v1/auth/token", asked).status_code == 200


def mailed() -> int:
    return Mail.objects.filter(template="new_device").count()


def test_the_very_first_sign_in_is_no_news(alice: User):
    sign_in()
    assert mailed() == 0


@pytest.mark.parametrize(
    ("again", "news"),
    [
        ((OLD, HOME), 0),
        # A browser that was updated, or a router with another address, is nobody new.
        ((NEWER, NEXT_DOOR), 0),
        ((FIREFOX, HOME), 1),
        # What a stolen password looks like: the commonest browser, from another place.
        ((OLD, ELSEWHERE), 1),
        ((OLD, "2001:db8::7"), 1),
    ],
)
def test_a_sign_in_as_never_before_is_told_once(alice: User, again: Any, news: int):
    sign_in()
    for _ in range(3):
        sign_in(*again)
    assert mailed() == news


def test_the_mail_says_device_place_and_time_and_how_to_throw_it_out(alice: User):
    sign_in()
    sign_in(FIREFOX, ELSEWHERE)
    outbox.send_due()
    (letter,) = post.outbox
    assert letter.to == ["alice@example.com"]
    assert letter.subject == "New sign-in to Pain Tracker: Firefox on Linux"
    body = str(letter.body)
    assert "Address: 198.51.100.7" in body
    assert " UTC\n" in body
    assert "http://127.0.0.1:8000/sessions" in body
    assert "sign that device out" in body


def test_a_cookie_sign_in_counts_as_any_other(alice: User):
    sign_in()
    browser = Client(HTTP_USER_AGENT=FIREFOX)
    browser.post("/sign-in", {"username": alice.email, "password": PASSWORD})
    assert mailed() == 1


def test_an_ended_session_is_remembered(alice: User):
    sign_in()
    sign_in(FIREFOX)
    alice.live_sessions.update(ended_at=alice.created_at)
    sign_in(FIREFOX)
    assert mailed() == 1


def test_somebody_elses_devices_say_nothing_of_mine(alice: User):
    bob = User.objects.create_user("bob@example.com", PASSWORD)
    sign_in()
    api = APIClient(HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR=HOME)
    api.post("/api/v1/auth/token", {"email": bob.email, "password": PASSWORD})
    sign_in(FIREFOX)
    assert list(Mail.objects.values_list("to", flat=True)) == ["alice@example.com"]


def test_two_at_the_same_moment_are_told_of_once(alice: User):
    sign_in()

    def signs_in(_: int) -> None:
        try:
            sign_in(FIREFOX, ELSEWHERE)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as thieves:
        list(thieves.map(signs_in, range(4)))
    assert mailed() == 1
