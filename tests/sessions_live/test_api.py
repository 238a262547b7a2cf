from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from sessions_live.models import LiveSession, User
from tests.sessions_live.conftest import PASSWORD, bearer

pytestmark = pytest.mark.django_db

REGISTER, TOKEN = "/api/v1/auth/register", "/api/v1/auth/token"
REFRESH, LOGOUT, ME = "/api/v1/auth/token/refresh", "/api/v1/auth/logout", "/api/v1/me"
NEW = {"email": "dave@example.com", "password": PASSWORD}


def refusal(answer, status: int) -> dict[str, str]:
    assert answer.status_code == status, answer.content
    return answer.json()["errors"][0]


def test_registering_opens_an_account(api):
    answer = api.post(REGISTER, NEW)
    user = User.objects.get(email="dave@example.com")
    assert (answer.status_code, answer.json()) == (201, {"id": user.pk, "email": user.email})
    assert user.check_password(PASSWORD)


def test_an_email_in_other_letters_is_the_same_account(api, alice):
    answer = api.post(REGISTER, {**NEW, "email": "ALICE@Example.com"})
    assert refusal(answer, 409)["code"] == "email_taken"


def test_registering_twice_opens_one_account(api):
    assert api.post(REGISTER, NEW).status_code == 201
    assert refusal(api.post(REGISTER, NEW), 409)["attr"] == "email"
    assert User.objects.count() == 1


@pytest.mark.parametrize("password", ["short", "password1234", "48915162342", "dave@example.com"])
def test_a_weak_password_is_refused_under_its_name(api, password):
    assert refusal(api.post(REGISTER, {**NEW, "password": password}), 400)["attr"] == "password"


def test_a_field_that_is_not_asked_for_is_refused_by_name(api):
    refused = refusal(api.post(REGISTER, {**NEW, "is_staff": True}), 400)
    assert (refused["attr"], refused["code"]) == ("is_staff", "unknown_field")


@pytest.mark.parametrize("path", [REGISTER, TOKEN, REFRESH])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"email": "a\\u0000@example.com", "password": "four\\u0000geese", "refresh": "\\u0000"}',
        b'{"email": ["a"], "password": {"a": 1}, "refresh": 7}',
        b'{"email": "\\ud800@example.com", "password": "\\ud800 wandering", "refresh": "\\ud800"}',
        b'{"password": "' + b"x" * 900_000 + b'"}',
    ],
    ids=lambda body: body[:20].decode("latin-1"),
)
def test_a_malformed_body_is_a_400_or_401(path, body):
    answer = Client().post(path, body, content_type="application/json")
    assert answer.status_code in ((400, 401) if path == REFRESH else (400,))
    assert answer.json()["errors"]


def test_signing_in_opens_a_session_that_both_tokens_name(api, alice, sign_in):
    tokens = sign_in("alice@example.com")
    session = LiveSession.objects.get(user=alice)
    assert tokens["session_id"] == str(session.pk)
    assert AccessToken(tokens["access"])["sid"] == str(session.pk)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("alice@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("gone@example.com", PASSWORD),
    ],
)
def test_wrong_unknown_and_disabled_read_the_same(api, alice, email, password):
    User.objects.create_user("gone@example.com", PASSWORD, is_active=False)
    answer = api.post(TOKEN, {"email": email, "password": password})
    assert refusal(answer, 401) == {
        "code": "authentication_failed",
        "detail": "No active account has this e-mail address and password.",
        "attr": None,
    }
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert not LiveSession.objects.exists()


def test_me_shows_the_callers_profile(alice, sign_in):
    profile = bearer(sign_in("alice@example.com")["access"]).get(ME).json()
    assert profile.pop("created_at").endswith("Z")
    assert profile == {
        "id": alice.pk,
        "email": "alice@example.com",
        "name": "Alice",
        "is_staff": False,
    }


def test_one_trailing_slash_is_accepted(alice, sign_in):
    assert bearer(sign_in("alice@example.com")["access"]).get(ME + "/").status_code == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer x.y.z", "Bearer sk_" + "0" * 64]
)
def test_no_or_a_bad_credential_is_a_401_with_a_challenge(api, header):
    answer = api.get(ME, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_refresh_token_is_no_access_token(alice, sign_in):
    assert bearer(sign_in("alice@example.com")["refresh"]).get(ME).status_code == 401


def test_a_token_costs_one_statement(alice, sign_in, django_assert_num_queries):
    client = bearer(sign_in("alice@example.com")["access"])
    with django_assert_num_queries(1):
        assert client.get(ME).status_code == 200


def test_an_ended_session_is_out_at_once(alice, sign_in):
    client = bearer(sign_in("alice@example.com")["access"])
    assert client.post(LOGOUT).status_code == 204
    assert client.get(ME).status_code == 401
    assert client.post(LOGOUT).status_code == 401


def test_logging_out_leaves_other_sessions_alone(alice, bob, sign_in):
    here, there = sign_in("alice@example.com"), sign_in("alice@example.com")
    bobs = sign_in("bob@example.com")
    assert bearer(here["access"]).post(LOGOUT).status_code == 204
    assert bearer(there["access"]).get(ME).status_code == 200
    assert bearer(bobs["access"]).get(ME).json()["email"] == "bob@example.com"


def test_after_logging_out_the_refresh_token_is_refused(api, alice, sign_in):
    tokens = sign_in("alice@example.com")
    bearer(tokens["access"]).post(LOGOUT)
    answer = api.post(REFRESH, {"refresh": tokens["refresh"]})
    assert refusal(answer, 401)["code"] == "token_not_valid"


def test_a_disabled_person_is_out_at_once(alice, sign_in):
    client = bearer(sign_in("alice@example.com")["access"])
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert client.get(ME).status_code == 401


def test_the_cookie_reads_without_and_writes_only_with_a_csrf_token(alice):
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.get(ME).status_code == 200
    assert browser.post(LOGOUT).status_code == 403
    browser.cookies["csrftoken"] = "a" * 32
    assert browser.post(LOGOUT, headers={"X-CSRFToken": "a" * 32}).status_code == 204
    assert browser.get(ME).status_code == 401


def test_the_audit_view_shows_when_a_session_ended(alice, sign_in):
    from django.db import connection

    client = bearer(sign_in("alice@example.com")["access"])
    client.post(LOGOUT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id, ended_at IS NOT NULL FROM audit_session")
        assert cursor.fetchall() == [(alice.pk, True)]


def test_registrations_from_one_address_are_limited_whatever_it_claims(api, settings):
    settings.REGISTRATIONS_PER_MINUTE = 2
    codes = []
    for number in range(4):
        claim = {"X-Forwarded-For": f"203.0.113.{number}"}
        body = {**NEW, "email": f"dave{number}@example.com"}
        answer = api.post(REGISTER, body, headers=claim)
        codes.append(answer.status_code)
    assert codes == [201, 201, 429, 429]
    assert refusal(answer, 429)["code"] == "throttled"
    assert 0 < int(answer["Retry-After"]) <= 60
