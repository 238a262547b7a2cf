from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.keys import MOST_KEYS, create_key
from apikeys.minting import digest
from apikeys.models import APIKey
from sessions_live.models import User
from tests.apikeys.conftest import (
    KEYS,
    bearer,
    code,
    first_key,
    lose_access,
    made,
    signed_in,
    works,
)

# --- listing ------------------------------------------------------------------------------------


def test_before_the_first_payment_there_is_nothing_to_list(db):
    nobody = signed_in(User.objects.create_user("nobody@example.com"))
    assert code(nobody.get(KEYS)) == (403, "payment_required")
    assert code(nobody.post(KEYS, {"name": "Importer"})) == (403, "payment_required")


def test_keys_are_listed_without_their_secrets(api: APIClient, owner: User):
    made(api)
    newest, first = api.get(KEYS).json()["keys"]
    assert set(newest) == {
        "id",
        "prefix",
        "name",
        "status",
        "scopes",
        "created_at",
        "last_used_at",
        "expires_at",
    }
    assert (first["name"], first["status"]) == ("Auto-generated from payment", "unrevealed")
    assert newest["prefix"].startswith("sk_")
    assert len(newest["prefix"]) == 20


def test_who_lost_access_still_sees_their_keys(api: APIClient, owner: User):
    made(api)
    lose_access(owner)
    assert [key["status"] for key in api.get(KEYS).json()["keys"]] == ["suspended", "unrevealed"]


def test_a_key_that_ran_out_is_told_as_revoked(api: APIClient, owner: User):
    key = made(api)
    APIKey.objects.filter(pk=key["id"]).update(expires_at=timezone.now())
    assert api.get(KEYS).json()["keys"][0]["status"] == "revoked"


# --- revealing ------------------------------------------------------------------------------------


def test_a_key_is_revealed_once(api: APIClient, owner: User):
    key = first_key(owner)
    shown = api.post(f"{KEYS}/{key.pk}/reveal")
    assert shown.status_code == 200, shown.json()
    secret = shown.json()["key"]
    assert shown.json() == {"id": key.pk, "key": secret, "prefix": secret[:20]}
    assert works(secret)
    assert code(api.post(f"{KEYS}/{key.pk}/reveal")) == (409, "already_revealed")
    key.refresh_from_db()
    assert key.key_hash == digest(secret)


@pytest.mark.django_db(transaction=True)
def test_revealing_at_once_shows_one_secret(owner: User):
    key, gate = first_key(owner), threading.Barrier(8)
    clients = [signed_in(owner) for _ in range(8)]

    def ask(api: APIClient) -> Any:
        gate.wait()
        answer = api.post(f"{KEYS}/{key.pk}/reveal")
        connection.close()
        return answer

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, clients))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    (secret,) = [answer.json()["key"] for answer in answers if answer.status_code == 200]
    assert works(secret)


def test_revealing_needs_a_plan_in_force(api: APIClient, owner: User):
    lose_access(owner)
    assert code(api.post(f"{KEYS}/{first_key(owner).pk}/reveal")) == (403, "payment_required")
    assert first_key(owner).key_hash is None


def test_a_key_cannot_reveal_even_one_of_its_own_owner(owner: User):
    strong = create_key(owner, name="strong", scopes=["keys:write"]).secret
    answer = bearer(strong).post(f"{KEYS}/{first_key(owner).pk}/reveal")
    assert code(answer) == (403, "scope_missing")
    assert first_key(owner).status == "unrevealed"


# --- making ------------------------------------------------------------------------------------


def test_a_key_is_made_with_what_is_usual(api: APIClient):
    key = made(api)
    assert works(key["key"])
    assert (key["name"], key["status"], key["expires_at"]) == ("Importer", "active", None)
    assert key["scopes"] == ["billing:read", "conversations:write", "usage:read", "usage:write"]


def test_a_key_is_made_with_what_was_asked_for(api: APIClient):
    ends = (timezone.now() + timedelta(days=90)).replace(microsecond=0)
    key = made(api, scopes=["usage:write", "usage:write"], expires_at=ends.isoformat())
    assert key["scopes"] == ["usage:write"]
    assert key["expires_at"] == ends.isoformat().replace("+00:00", "Z")
    assert not works(key["key"])


@pytest.mark.parametrize(
    ("wish", "attr"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes.0"),
        ({"scopes": "billing:read"}, "scopes"),
        ({"expires_at": "yesterday"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"user": 1}, "user"),
        ({"status": "active"}, "status"),
        ({"key_hash": "0" * 64}, "key_hash"),
    ],
)
def test_a_wrong_wish_is_refused_by_the_fields_name(api: APIClient, wish, attr):
    answer = api.post(KEYS, {"name": "Importer", **wish})
    assert answer.status_code == 400
    assert attr in [error["attr"] for error in answer.json()["errors"]]
    assert not APIKey.objects.filter(name="Importer").exists()


def test_nobody_has_more_keys_than_they_can_look_after(api: APIClient, owner: User):
    APIKey.objects.bulk_create(
        APIKey(user=owner, name=f"n{n}", key_hash=f"{n}") for n in range(MOST_KEYS - 2)
    )
    made(api)
    assert code(api.post(KEYS, {"name": "one more"})) == (409, "too_many_keys")
    APIKey.objects.filter(name="n0").update(status="revoked")
    made(api)


# --- revoking ------------------------------------------------------------------------------------


def test_a_revoked_key_is_refused_at_once(api: APIClient):
    key = made(api)
    assert works(key["key"])
    ended = api.delete(f"{KEYS}/{key['id']}")
    assert (ended.status_code, ended.json()) == (200, {"success": True})
    assert not works(key["key"])
    assert api.get(KEYS).json()["keys"][0]["status"] == "revoked"
    assert code(api.delete(f"{KEYS}/{key['id']}")) == (404, "not_found")


def test_a_key_can_be_revoked_before_it_is_revealed(api: APIClient, owner: User):
    key = first_key(owner)
    assert api.delete(f"{KEYS}/{key.pk}").status_code == 200
    assert code(api.post(f"{KEYS}/{key.pk}/reveal")) == (404, "not_found")


# --- who -----------------------------------------------------------------------------------------

DOORS = [("delete", ""), ("post", "/reveal"), ("post", "/rotate")]


@pytest.mark.parametrize(("method", "act"), DOORS)
def test_a_strangers_key_reads_like_one_that_is_not_there(
    owner: User, stranger: User, method: str, act: str
):
    api, key = signed_in(stranger), first_key(owner)
    foreign = getattr(api, method)(f"{KEYS}/{key.pk}{act}")
    unknown = getattr(api, method)(f"{KEYS}/{10**17}{act}")
    assert (foreign.status_code, foreign.json()) == (unknown.status_code, unknown.json())
    assert foreign.status_code == 404
    assert first_key(owner).status == "unrevealed"


@pytest.mark.parametrize(("method", "act"), [*DOORS, ("get", None), ("post", None)])
def test_signed_out_people_get_nowhere(owner: User, method: str, act: str | None):
    path = KEYS if act is None else f"{KEYS}/{first_key(owner).pk}{act}"
    assert getattr(APIClient(), method)(path).status_code == 401
