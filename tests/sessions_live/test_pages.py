from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from config.kit.redis_client import redis_client
from sessions_live.models import LiveSession, User
from sessions_live.sessions import end_session, open_session
from tests.sessions_live.conftest import PASSWORD

pytestmark = pytest.mark.django_db

ALICE = {"username": "alice@example.com", "password": PASSWORD}
DAVE = {"email": "dave@example.com", "password": PASSWORD}


def signed_in_as(browser: Client) -> str:
    return browser.get("/api/v1/me").json().get("email", "")


def test_signing_in_opens_a_live_session_and_leads_home(browser, alice):
    answer = browser.post("/sign-in", ALICE, headers={"User-Agent": "Firefox"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert signed_in_as(browser) == alice.email
    session = LiveSession.objects.get(user=alice)
    assert (session.ip, session.user_agent) == ("127.0.0.1", "Firefox")


def test_signing_in_leads_to_the_page_that_was_asked_for(browser, alice):
    answer = browser.post("/sign-in?next=/billing", ALICE)
    assert answer["Location"] == "/billing"


@pytest.mark.parametrize("page", ["/sign-in", "/sign-up"])
@pytest.mark.parametrize(
    "there",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "\thttps://evil.example",
    ],
)
def test_nobody_is_led_to_a_foreign_page(browser, alice, page, there):
    form = ALICE if page == "/sign-in" else DAVE
    assert browser.post(page, {**form, "next": there})["Location"] == "/"


def test_wrong_and_unknown_credentials_read_the_same(browser, alice):
    wrong = browser.post("/sign-in", {**ALICE, "password": "wrong"})
    unknown = browser.post("/sign-in", {**ALICE, "username": "nobody@example.com"})
    for answer in (wrong, unknown):
        assert "No active account has this e-mail address and password." in answer.content.decode()
    assert signed_in_as(browser) == ""


def test_the_form_needs_its_csrf_token(alice):
    assert Client(enforce_csrf_checks=True).post("/sign-in", ALICE).status_code == 403


@pytest.mark.parametrize("page", ["/sign-in", "/sign-up"])
def test_the_page_asks_for_email_and_password(browser, page):
    text = browser.get(page).content.decode()
    assert "Email" in text
    assert "Password" in text
    assert "next" in text


@pytest.mark.parametrize("page", ["/sign-in", "/sign-up"])
def test_whoever_is_signed_in_is_led_on(browser, alice, page):
    browser.force_login(alice)
    assert browser.get(page).status_code == 302


def test_signing_up_signs_in(browser):
    assert browser.post("/sign-up?next=/pricing", DAVE)["Location"] == "/pricing"
    assert signed_in_as(browser) == "dave@example.com"


def test_signing_up_with_a_taken_email_says_so_at_the_field(browser, alice):
    answer = browser.post("/sign-up", {**DAVE, "email": "Alice@example.com"})
    assert "There is an account with this e-mail address already" in answer.content.decode()
    assert User.objects.count() == 1


def test_signing_up_with_a_weak_password_says_so(browser):
    answer = browser.post("/sign-up", {**DAVE, "password": "short"})
    assert "This password is too short" in answer.content.decode()


def test_signing_out_ends_the_live_session(browser, alice):
    browser.force_login(alice)
    assert browser.get("/sign-out").status_code == 405
    assert browser.post("/sign-out").status_code == 302
    assert LiveSession.objects.get(user=alice).end_reason == "signed_out"
    assert signed_in_as(browser) == ""


def test_a_cookie_whose_live_session_ended_is_signed_out(browser, alice):
    browser.force_login(alice)
    LiveSession.objects.all().delete()
    assert signed_in_as(browser) == ""
    assert "sessionid" not in {name for name, cookie in browser.cookies.items() if cookie.value}


def test_signing_in_again_replaces_the_live_session(browser, alice):
    browser.force_login(alice)
    browser.force_login(alice)
    reasons = LiveSession.objects.values_list("end_reason", flat=True)
    assert sorted(reasons) == ["", "replaced"]


def test_the_cookie_is_another_one_after_signing_in(browser, alice):
    browser.session.save()
    planted = browser.cookies["sessionid"].value
    browser.post("/sign-in", ALICE)
    assert browser.cookies["sessionid"].value != planted


def test_an_anonymous_request_costs_no_statement(browser, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert browser.get("/sign-in").status_code == 200


def test_a_cookie_costs_its_session_and_one_statement(browser, alice, django_assert_num_queries):
    browser.force_login(alice)
    with django_assert_num_queries(2):
        assert browser.get("/api/v1/me").status_code == 200


def test_too_many_tries_answer_429_and_when_to_come_back(browser, alice):
    for _ in range(5):
        browser.post("/sign-in", {**ALICE, "password": "wrong"})
    answer = browser.post("/sign-in", ALICE)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60
    assert "Too many tries" in answer.content.decode()
    assert redis_client().keys("limit:sign-in-account:*")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("revoked", "signed out from another one"),
        ("ended_by_staff", "Our staff"),
        ("password_changed", "password was changed"),
        ("signed_out", None),
    ],
)
def test_who_was_thrown_out_is_told_why_once(browser, alice, reason, words):
    browser.force_login(alice)
    end_session(LiveSession.objects.get().pk, reason=reason)
    assert browser.get("/sessions")["Location"] == "/sign-in?next=/sessions"
    told = 'role="alert"' in (page := browser.get("/sign-in").content.decode())
    assert told == (words is not None)
    assert words is None or words in page
    assert 'role="alert"' not in browser.get("/sign-in").content.decode()


def test_the_sessions_page_ends_one_or_all_others(browser, alice, bob):
    browser.force_login(alice)
    first, second = (open_session(alice, ip=None, user_agent="") for _ in range(2))
    foreign = open_session(bob, ip=None, user_agent="")
    assert browser.get("/sessions").content.decode().count("data-session=") == 4
    browser.post("/sessions", {"session": str(first.pk)})
    browser.post("/sessions", {"session": str(foreign.pk)})
    assert not LiveSession.objects.get(pk=first.pk).is_live
    assert LiveSession.objects.get(pk=foreign.pk).is_live
    browser.post("/sessions")
    assert not LiveSession.objects.get(pk=second.pk).is_live
    assert browser.get("/sessions").status_code == 200


def test_a_cookie_lasts_a_week_from_the_last_day_of_use(browser, alice):
    browser.force_login(alice)
    cookie = browser.session
    assert "sessionid" not in browser.get("/sessions").cookies
    cookie["renewed"] = "2026-01-01"
    cookie.save()
    renewed = browser.get("/sessions").cookies["sessionid"]
    assert int(renewed["max-age"]) == 7 * 24 * 3600
    assert "sessionid" not in browser.get("/sessions").cookies


def test_requests_keep_a_session_from_running_out(browser, alice):
    browser.force_login(alice)
    LiveSession.objects.update(last_active_at=timezone.now() - timedelta(days=6))
    assert browser.get("/sessions").status_code == 200
    assert LiveSession.objects.get().last_active_at > timezone.now() - timedelta(minutes=1)
    LiveSession.objects.update(last_active_at=timezone.now() - timedelta(days=7))
    assert browser.get("/sessions").status_code == 302
