"""Keys that manage keys: within what they are themselves."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.access import holding_keys_of
from apikeys.keys import create_key
from apikeys.models import APIKey
from sessions_live.models import User
from tests.apikeys.conftest import KEYS, bearer, code, made, signed_in, works
from tests.waiting import eventually


def test_a_key_without_the_scope_manages_none(api: APIClient, secret: str):
    program = bearer(secret)
    assert code(program.get(KEYS)) == (403, "scope_missing")
    assert code(program.post(KEYS, {"name": "more"})) == (403, "scope_missing")


def test_a_key_lists_and_makes_keys_within_its_own_scopes(owner: User):
    scopes = ["billing:read", "keys:write"]
    program = bearer(create_key(owner, name="manager", scopes=scopes).secret)
    assert len(program.get(KEYS).json()["keys"]) == 2
    assert made(program)["scopes"] == ["billing:read"]
    assert made(program, scopes=scopes)["scopes"] == scopes
    wider = program.post(KEYS, {"name": "wider", "scopes": ["billing:read", "usage:write"]})
    assert code(wider) == (403, "scope_missing")


def test_a_key_that_only_manages_gives_nothing_that_is_usual(owner: User):
    program = bearer(create_key(owner, name="manager", scopes=["keys:write"]).secret)
    assert code(program.post(KEYS, {"name": "x"})) == (403, "scope_missing")


@pytest.mark.parametrize(("method", "act"), [("delete", ""), ("post", "/rotate")])
def test_a_key_cannot_touch_one_that_can_do_more(owner: User, secret: str, method: str, act: str):
    scopes = ["billing:read", "keys:write"]
    program = bearer(create_key(owner, name="manager", scopes=scopes).secret)
    wider = APIKey.objects.get(name="Importer")
    answer = getattr(program, method)(f"{KEYS}/{wider.pk}{act}")
    assert code(answer) == (403, "scope_missing")
    assert works(secret)


def test_what_a_key_makes_does_not_outlive_it(owner: User):
    ends = timezone.now() + timedelta(days=1)
    scopes = ["billing:read", "keys:write"]
    shown = create_key(owner, name="manager", scopes=scopes, expires_at=ends)
    program = bearer(shown.secret)
    later = (ends + timedelta(days=300)).isoformat()
    for key in (made(program), made(program, expires_at=later)):
        assert APIKey.objects.get(pk=key["id"]).expires_at == ends
    itself = program.post(f"{KEYS}/{shown.key.pk}/rotate", {"grace_seconds": 60}).json()
    assert APIKey.objects.get(pk=itself["id"]).expires_at == ends


def is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", ["", "/{itself}/rotate"])
def test_a_key_that_is_revoked_while_its_request_waits_makes_none(owner: User, act: str):
    manager = create_key(owner, name="manager", scopes=["keys:write"])
    program, answers = bearer(manager.secret), list[Any]()

    def ask() -> None:
        body = {} if act else {"name": "left behind", "scopes": ["keys:write"]}
        answers.append(program.post(KEYS + act.format(itself=manager.key.pk), body))
        connection.close()

    thread = threading.Thread(target=ask)
    with holding_keys_of(owner):
        thread.start()
        eventually(is_waited_for)
        revoke_elsewhere(owner, manager.key.pk)
    thread.join()
    assert code(answers[0]) == (401, "key_not_valid")
    assert not APIKey.objects.filter(user=owner, status="active").exists()


def revoke_elsewhere(owner: User, pk: int) -> None:
    """Outside the transaction that is open here."""

    def delete() -> None:
        assert signed_in(owner).delete(f"{KEYS}/{pk}").status_code == 200
        connection.close()

    thread = threading.Thread(target=delete)
    thread.start()
    thread.join()
