"""Whom `POST /usage` counts for, and whom it sends away, whichever door they ask through."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from apikeys.keys import create_key
from apikeys.minting import mint
from apikeys.models import APIKey
from billing.entitlements import grant
from billing.models import Plan
from billing.usage.models import UsageEvent
from config.kit.ids import new_id
from config.kit.redis_client import redis_client
from sessions_live.models import User
from sessions_live.sessions import end_sessions_of
from sessions_live.tokens import sign_in
from tests.billing.usage.conftest import Meters, counted
from tests.billing.usage.doors import ONE, PATH, Asker, Door, dressed, refusal

PASSWORD = "correct horse battery"
NOBODY = (401, "not_authenticated", None)
NO_TOKEN = (401, "token_not_valid", None)
NO_KEY = (401, "key_not_valid", None)


@pytest.fixture
def holder(meters: Meters, alice: User) -> User:
    """Alice with a plan, so that she may have API keys."""
    redis_client().flushdb()
    grant(user=alice, plan=Plan.objects.get(tier="basic"), source=f"order:{new_id()}")
    return alice


def keyed(door: Door, holder: User, *scopes: str) -> Asker:
    return Asker(door, create_key(holder, name="Importer", scopes=scopes or None).secret)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_is_written_as_one_likes(asker: Asker, scheme: str):
    token = asker.usual["Authorization"].removeprefix("Bearer")
    assert asker.say(ONE, Authorization=scheme + token).status_code == 201


@pytest.mark.parametrize(
    ("credential", "told"),
    [
        (None, NOBODY),
        ("", NOBODY),
        ("Basic YWxpY2U6ZGVtbw==", NOBODY),
        ("Token {token}", NOBODY),
        ("{token}", NOBODY),
        ("Bearer", NO_TOKEN),
        ("Bearer nonsense", NO_TOKEN),
        ("Bearer {token}x", NO_TOKEN),
        ("Bearer {token} x", NO_TOKEN),
        ("Bearer {token},Bearer {token}", NO_TOKEN),
        ("Bearer {refresh}", NO_TOKEN),
        ("Bearer {old}", NO_TOKEN),
        ("Bearer sk_nonsense", NO_KEY),
        ("Bearer {made_up}", NO_KEY),
    ],
)
def test_who_shows_no_good_credential_is_sent_away(
    asker: Asker, alice: User, credential: str | None, told: tuple[int, str, None]
):
    pair, now = sign_in(alice, ip=None, user_agent="tests"), timezone.now()
    old = AccessToken(pair.access)  # type: ignore[arg-type]
    old.set_exp(from_time=now - timedelta(hours=1), lifetime=timedelta(minutes=1))
    known = {"token": pair.access, "refresh": pair.refresh, "old": str(old), "made_up": mint()}
    answer = asker.say(ONE, Authorization=credential and credential.format(**known))
    assert refusal(answer) == told
    assert answer.headers["www-authenticate"] == 'Bearer realm="api"'
    assert not UsageEvent.objects.exists()


@pytest.mark.parametrize(
    "sent",
    [
        {"content": "{"},
        {"content": ONE, "headers": {"Content-Type": "text/plain"}},
        {"content": f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n"},
    ],
    ids=["malformed", "no json", "a request"],
)
def test_a_stranger_learns_nothing_of_what_else_is_wrong(asker: Asker, sent: dict):
    stranger = Asker(asker.door, "nonsense")
    for _ in range(2):
        assert refusal(stranger.ask(**sent)) == NO_TOKEN
    assert asker.use().json()["used"] == 1


def test_a_token_ends_with_its_session(asker: Asker, alice: User):
    assert asker.use().status_code == 201
    end_sessions_of(alice, reason="test")
    assert refusal(asker.use()) == NO_TOKEN
    assert counted(alice) == 1


def test_somebody_disabled_counts_nothing(asker: Asker):
    assert asker.use().status_code == 201
    User.objects.update(is_active=False)
    assert refusal(asker.use()) == NO_TOKEN


def test_a_key_counts_for_its_owner_and_is_seen_to_be_used(door: Door, holder: User):
    answer = keyed(door, holder).use(event_id="e1")
    assert (answer.status_code, answer.json()["limit"]) == (201, 100)
    dressed(answer)
    used = APIKey.objects.get(name="Importer").last_used_at
    assert used
    assert timezone.now() - used < timedelta(minutes=1)
    assert counted(holder) == 1


def test_a_key_and_a_token_of_one_person_share_the_event_ids(
    door: Door, asker: Asker, holder: User
):
    first = asker.use(event_id="e1")
    assert keyed(door, holder).use(event_id="e1").content == first.content


def test_a_key_without_the_scope_counts_nothing(door: Door, holder: User):
    answer = keyed(door, holder, "usage:read", "billing:read").use()
    assert refusal(answer) == (403, "scope_missing", None)
    assert "usage:write" in answer.json()["errors"][0]["detail"]
    assert not UsageEvent.objects.exists()


@pytest.mark.parametrize(
    "spoiled",
    [{"status": "revoked"}, {"status": "suspended"}, {"expires_at": timezone.now()}],
    ids=["revoked", "suspended", "run out"],
)
def test_a_key_that_ended_counts_nothing_at_once(door: Door, holder: User, spoiled: dict):
    program = keyed(door, holder)
    assert program.use().status_code == 201
    APIKey.objects.filter(name="Importer").update(**spoiled)
    assert refusal(program.use()) == NO_KEY
    assert counted(holder) == 1


def test_a_key_asks_as_often_as_its_plan_lets_it(door: Door, holder: User):
    Plan.objects.update(requests_per_minute=2)
    program = keyed(door, holder)
    assert [program.use().status_code for _ in range(2)] == [201, 201]
    answer = program.use()
    assert refusal(answer) == (429, "throttled", None)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert counted(holder) == 2


def test_a_browser_needs_its_csrf_token_besides_its_cookie(door: Door, alice: User):
    alice.set_password(PASSWORD)
    alice.save()
    with httpx.Client(base_url=door.http.base_url, timeout=20, trust_env=False) as browser:
        browser.get("/sign-in")
        form = {"username": alice.email, "password": PASSWORD}
        token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post("/sign-in", data={**form, **token}).status_code == 302
        body = {"usage_type": "entry"}
        assert refusal(browser.post(PATH, json=body)) == (403, "permission_denied", None)
        token = {"X-CSRFToken": browser.cookies["csrftoken"]}
        assert browser.post(PATH, json=body, headers=token).json()["used"] == 1
