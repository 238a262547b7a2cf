from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.keys import create_key
from apikeys.minting import mint
from apikeys.models import APIKey
from apikeys.scopes import SCOPES
from billing.entitlements import grant
from billing.models import Plan
from config.kit.ids import new_id
from config.kit.redis_client import redis_client
from sessions_live.models import User
from tests.apikeys.conftest import bearer, signed_in

DOOR = "/api/v1/entitlements"
REFUSAL = {
    "type": "client_error",
    "errors": [{"code": "key_not_valid", "detail": "This API key is not valid.", "attr": None}],
}


def spoil(how: str, secret: str) -> str:
    """The key as it is shown; the row is spoiled where that is the point."""
    mine, now = APIKey.objects.filter(name="Importer"), timezone.now()
    match how:
        case "mistyped":
            return secret[:-1] + ("0" if secret[-1] != "0" else "1")
        case "unknown":
            return mint()
        case "run out":
            mine.update(expires_at=now)
        case "of somebody disabled":
            User.objects.update(is_active=False)
        case status:
            mine.update(status=status)
    return secret


def test_a_key_opens_what_it_may(secret: str, owner: User):
    assert bearer(secret).get("/api/v1/me").json()["email"] == owner.email


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_written_as_one_likes(secret: str, scheme: str):
    assert APIClient(HTTP_AUTHORIZATION=f"{scheme} {secret}").get(DOOR).status_code == 200


@pytest.mark.parametrize(
    "how",
    ["mistyped", "unknown", "revoked", "suspended", "run out", "of somebody disabled"],
)
def test_every_refusal_reads_the_same(secret: str, how: str):
    answer = bearer(spoil(how, secret)).get(DOOR)
    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_key_costs_one_statement_more_than_nothing(secret: str, django_assert_num_queries):
    program = bearer(secret)
    program.get("/api/v1/me")  # notes its use, for the minute
    with django_assert_num_queries(1):
        assert program.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize("text", ["sk_", "sk_live_4242424242", "sk_" + "0" * 64, "sk_" + "é" * 64])
def test_a_made_up_key_costs_no_statement(db, text: str, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = bearer(text).get(DOOR)
    assert (answer.status_code, answer.json()) == (401, REFUSAL)


def test_a_jwt_is_still_a_jwt(owner: User):
    assert signed_in(owner).get(DOOR).status_code == 200


# --- last use -----------------------------------------------------------------------------------


def writes(program: APIClient) -> int:
    with CaptureQueriesContext(connection) as statements:
        program.get(DOOR)
    return sum("UPDATE" in each["sql"] for each in statements)


def test_the_last_use_is_written_once_a_minute(secret: str):
    program, rows = bearer(secret), APIKey.objects.filter(name="Importer")
    assert [writes(program) for _ in range(3)] == [1, 0, 0]
    earlier = timezone.now() - timedelta(seconds=61)
    rows.update(last_used_at=earlier)
    assert [writes(program) for _ in range(2)] == [1, 0]
    used = rows.get().last_used_at
    assert used
    assert used > earlier


def test_a_refused_key_is_not_used(secret: str):
    bearer(secret).post("/api/v1/checkout-sessions", {})
    assert APIKey.objects.get(name="Importer").last_used_at is None


# --- scopes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "statuses"),
    [
        (["billing:read"], (200, 200, 403, 403, 403)),
        (["billing:write"], (403, 403, 400, 403, 403)),
        (["conversations:write"], (403, 403, 403, 400, 403)),
        (["usage:write"], (403, 403, 403, 403, 403)),
        (["keys:write"], (403, 403, 403, 403, 200)),
        (list(SCOPES), (200, 200, 400, 400, 200)),
    ],
)
def test_a_key_can_do_what_its_scopes_say(owner: User, scopes, statuses):
    program = bearer(create_key(owner, name="scoped", scopes=scopes).secret)
    answers = (
        program.get(DOOR),
        program.head(DOOR),
        program.post("/api/v1/checkout-sessions", {}),
        program.post("/api/v1/conversations", {}),
        program.get("/api/v1/api-keys"),
    )
    assert tuple(answer.status_code for answer in answers) == statuses


def test_a_door_that_names_no_scope_is_closed_to_keys(owner: User):
    User.objects.update(is_staff=True, is_superuser=True)
    program = bearer(create_key(owner, name="all", scopes=list(SCOPES)).secret)
    for answer in (
        program.post("/api/v1/auth/logout"),
        program.get("/api/v1/admin/webhook-events"),
        program.options(DOOR),
    ):
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["code"] == "scope_missing"


def test_what_a_door_does_for_nobody_needs_no_scope(secret: str):
    answers = [bearer(secret).delete("/api/v1/usage"), bearer(secret).patch("/api/v1/auth/logout")]
    assert [answer.status_code for answer in answers] == [405, 405]


@pytest.mark.parametrize("path", ["/api/schema?format=json", "/api/docs", "/api/v1/plans"])
def test_a_public_page_is_public_for_keys_too(path: str, secret: str):
    assert {bearer(each).get(path).status_code for each in (secret, mint())} == {200}


def doors(resolver: URLResolver) -> list[type]:
    found = []
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            found += doors(each)
        elif isinstance(each, URLPattern) and hasattr(each.callback, "view_class"):
            found.append(each.callback.view_class)
    return found


def test_every_scope_that_a_door_names_is_one_that_keys_can_have():
    asked = [getattr(door, "scopes", {}) for door in doors(get_resolver())]
    named = set(itertools.chain.from_iterable(each.values() for each in asked))
    assert "billing:read" in named
    assert named <= set(SCOPES)


# --- how often -----------------------------------------------------------------------------------


def test_the_plan_says_how_often_its_keys_may_ask(owner: User, secret: str):
    Plan.objects.update(requests_per_minute=3)
    other = create_key(owner, name="other").secret
    statuses = [bearer(each).get(DOOR).status_code for each in (secret, other, secret, other)]
    assert statuses == [200, 200, 200, 429]
    refused = bearer(secret).get(DOOR)
    assert refused.json()["errors"][0]["code"] == "throttled"
    assert 0 < int(refused["Retry-After"]) <= 60


def test_the_best_plan_counts(owner: User, secret: str):
    Plan.objects.update(requests_per_minute=1)
    better = Plan.objects.create(tier="team", name="Team", rank=5, requests_per_minute=2)
    grant(user=owner, plan=better, source=f"order:{new_id()}")
    assert [bearer(secret).get(DOOR).status_code for _ in range(3)] == [200, 200, 429]


def test_who_is_signed_in_is_not_counted(owner: User, secret: str):
    Plan.objects.update(requests_per_minute=1)
    person = signed_in(owner)
    assert [person.get(DOOR).status_code for _ in range(3)] == [200, 200, 200]
    assert not redis_client().keys("limit:api-keys:*")
