from __future__ import annotations

import uuid

import pytest
from django.test import Client
from rest_framework.test import APIClient

from sessions_live import tokens
from sessions_live.models import LiveSession, User
from sessions_live.sessions import end_session, open_session
from tests.sessions_live.conftest import bearer

pytestmark = pytest.mark.django_db

SESSIONS, OTHERS = "/api/v1/sessions", "/api/v1/sessions/revoke-others"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)


def signed_in(user: User) -> tuple[APIClient, uuid.UUID]:
    pair = tokens.sign_in(user, ip="203.0.113.7", user_agent=CHROME)
    return bearer(pair.access), pair.session_id


def opened(user: User) -> LiveSession:
    return open_session(user, ip=None, user_agent="")


def test_the_list_shows_a_session_in_full(alice):
    http, own = signed_in(alice)
    (shown,) = http.get(SESSIONS).json()["results"]
    assert shown.pop("login_time").endswith("Z")
    assert shown.pop("last_active").endswith("Z")
    assert shown == {
        "id": str(own),
        "device_type": "desktop",
        "device_name": "Chrome on Windows",
        "browser": "Chrome",
        "os": "Windows",
        "ip": "203.0.113.7",
        "location": "Unknown",
        "online": False,
        "is_current": True,
    }


def test_the_own_session_comes_first_and_then_the_newest(alice, bob):
    older = opened(alice)
    http, own = signed_in(alice)
    newer = opened(alice)
    opened(bob)
    listed = http.get(SESSIONS).json()["results"]
    assert [each["id"] for each in listed] == [str(own), str(newer.pk), str(older.pk)]
    assert [each["is_current"] for each in listed] == [True, False, False]


def test_pages_show_everything_once(alice):
    http, own = signed_in(alice)
    others = [str(opened(alice).pk) for _ in range(5)]
    page, seen = f"{SESSIONS}?page_size=2", []
    while page:
        answer = http.get(page).json()
        seen += [each["id"] for each in answer["results"]]
        page = answer["next"]
    assert seen[0] == str(own)
    assert sorted(seen) == sorted([str(own), *others])


def test_a_revoked_session_is_out_at_once_with_all_its_credentials(alice, browser):
    http, _ = signed_in(alice)
    pair = tokens.sign_in(alice, ip=None, user_agent="")
    browser.force_login(alice)
    cookie_session = LiveSession.objects.order_by("-pk")[0].pk
    for each in (pair.session_id, cookie_session):
        answer = http.delete(f"{SESSIONS}/{each}")
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert bearer(pair.access).get("/api/v1/me").status_code == 401
    refresh = Client().post(
        "/api/v1/auth/token/refresh", {"refresh": pair.refresh}, "application/json"
    )
    assert refresh.status_code == 401
    assert browser.get("/api/v1/me").status_code == 401
    assert LiveSession.objects.get(pk=pair.session_id).end_reason == "revoked"


def test_foreign_unknown_ended_and_absurd_ids_get_one_answer(alice, bob):
    http, _ = signed_in(alice)
    foreign, over = opened(bob), opened(alice)
    end_session(over.pk, reason="signed_out")
    answers = [
        http.delete(f"{SESSIONS}/{each}") for each in (foreign.pk, over.pk, uuid.uuid4(), "x", "1")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert LiveSession.objects.get(pk=foreign.pk).is_live


def test_revoking_the_others_counts_them_and_keeps_the_own(alice, bob):
    http, own = signed_in(alice)
    opened(alice), opened(alice), opened(bob)
    assert http.post(OTHERS).json() == {"success": True, "revoked_count": 2}
    assert http.post(OTHERS).json() == {"success": True, "revoked_count": 0}
    assert list(LiveSession.objects.live().filter(user=alice).values_list("pk", flat=True)) == [own]


@pytest.mark.parametrize("method", ["get", "delete", "post"])
def test_nobody_gets_in_without_a_sign_in(api, method):
    path = {"get": SESSIONS, "delete": f"{SESSIONS}/{uuid.uuid4()}", "post": OTHERS}[method]
    assert getattr(api, method)(path).status_code == 401
