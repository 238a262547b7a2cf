"""A key that takes another's place."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.keys import create_key
from apikeys.models import APIKey
from sessions_live.models import User
from tests.apikeys.conftest import KEYS, code, first_key, lose_access, made, signed_in, works


def test_a_rotated_key_works_on_for_the_grace_time(api: APIClient):
    old = made(api)
    answer = api.post(f"{KEYS}/{old['id']}/rotate", {"grace_seconds": 60})
    assert answer.status_code == 201
    new = answer.json()
    assert (new["name"], new["scopes"]) == (old["name"], old["scopes"])
    assert works(old["key"])
    assert works(new["key"])
    row = APIKey.objects.get(pk=old["id"])
    assert row.successor_id == new["id"]
    assert row.expires_at
    assert timedelta(seconds=50) < row.expires_at - timezone.now() <= timedelta(seconds=60)
    APIKey.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert not works(old["key"])
    assert works(new["key"])


def test_without_grace_the_old_key_ends_at_once(api: APIClient):
    old = made(api)
    new = api.post(f"{KEYS}/{old['id']}/rotate").json()
    assert not works(old["key"])
    assert works(new["key"])
    assert APIKey.objects.get(pk=old["id"]).revoke_reason == "rotated"


def test_rotating_twice_is_refused(api: APIClient):
    old = made(api)
    api.post(f"{KEYS}/{old['id']}/rotate", {"grace_seconds": 60})
    again = api.post(f"{KEYS}/{old['id']}/rotate", {"grace_seconds": 60})
    assert code(again) == (409, "already_rotated")


@pytest.mark.django_db(transaction=True)
def test_rotating_at_once_makes_one_key(owner: User):
    old, gate = create_key(owner, name="Importer").key, threading.Barrier(4)
    clients = [signed_in(owner) for _ in range(4)]

    def ask(api: APIClient) -> int:
        gate.wait()
        status: int = api.post(f"{KEYS}/{old.pk}/rotate", {"grace_seconds": 60}).status_code
        connection.close()
        return status

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(ask, clients)) == [201, 409, 409, 409]
    assert APIKey.objects.filter(name="Importer").count() == 2


def test_a_key_that_was_never_revealed_is_not_rotated(api: APIClient, owner: User):
    answer = api.post(f"{KEYS}/{first_key(owner).pk}/rotate")
    assert code(answer) == (409, "not_revealed")


def test_a_grace_never_makes_a_key_live_longer(api: APIClient):
    ends = timezone.now() + timedelta(minutes=1)
    old = made(api, expires_at=ends.isoformat())
    api.post(f"{KEYS}/{old['id']}/rotate", {"grace_seconds": 3600})
    assert APIKey.objects.get(pk=old["id"]).expires_at == ends


def test_a_successor_lives_as_long_as_the_old_one_was_to(api: APIClient):
    ends = timezone.now() + timedelta(days=90)
    old = APIKey.objects.filter(pk=made(api, expires_at=ends.isoformat())["id"])
    old.update(
        created_at=F("created_at") - timedelta(days=30), expires_at=ends - timedelta(days=30)
    )
    new = api.post(f"{KEYS}/{old.get().pk}/rotate").json()
    life = datetime.fromisoformat(new["expires_at"]) - datetime.fromisoformat(new["created_at"])
    assert timedelta(days=89) < life <= timedelta(days=90)


def test_a_key_for_all_time_is_rotated_into_another(api: APIClient):
    end_of_time = "9999-12-31T23:59:59Z"
    key = made(api, expires_at=end_of_time)
    APIKey.objects.update(created_at=timezone.now() - timedelta(days=1))
    new = api.post(f"{KEYS}/{key['id']}/rotate")
    assert (new.status_code, new.json()["expires_at"]) == (201, end_of_time)


@pytest.mark.parametrize("grace", [-1, 30 * 24 * 3600 + 1, "soon", None])
def test_a_grace_has_bounds(api: APIClient, grace):
    old = made(api)
    assert api.post(f"{KEYS}/{old['id']}/rotate", {"grace_seconds": grace}).status_code == 400
    assert works(old["key"])


def test_rotating_needs_a_plan_in_force(api: APIClient, owner: User):
    old = made(api)
    lose_access(owner)
    assert code(api.post(f"{KEYS}/{old['id']}/rotate")) == (403, "payment_required")
