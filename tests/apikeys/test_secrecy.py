"""A key lives in the answer that shows it and with whoever reads that. Nowhere else."""

from __future__ import annotations

import logging
import pickle

import pytest
from django.conf import settings
from django.db import connection
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from apikeys.keys import create_key
from apikeys.minting import mint
from sessions_live.models import User
from tests.apikeys.conftest import KEYS, bearer, first_key, signed_in


def dump() -> str:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(table)} t")
            rows += [row[0] for row in cursor.fetchall()]
    return "\n".join(rows)


def secrets_of_a_life(user: User) -> list[str]:
    """Made, used, misused, rotated and revoked, by API."""
    person, keys = signed_in(user), "/api/v1/api-keys"
    first = person.get(keys).json()["keys"][0]
    shown = person.post(f"{keys}/{first['id']}/reveal").json()
    made = person.post(keys, {"name": "Importer", "scopes": ["usage:write"]}).json()
    new = person.post(f"{keys}/{made['id']}/rotate", {"grace_seconds": 60}).json()
    for secret in (shown["key"], made["key"], new["key"]):
        for path in ("me", "entitlements", "nothing"):
            bearer(secret).get(f"/api/v1/{path}")
        bearer(secret).post(keys, {"name": "no"})
    person.delete(f"{keys}/{new['id']}")
    bearer(new["key"]).get("/api/v1/me")
    return [shown["key"], made["key"], new["key"]]


def test_the_database_holds_no_usable_key(owner: User):
    secrets, everything = secrets_of_a_life(owner), dump()
    for secret in secrets:
        assert secret[:20] in everything
        assert secret not in everything
        assert secret[20:] not in everything


def test_logs_hold_no_key(owner: User, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("django.db.backends").setLevel(logging.DEBUG)
    for secret in secrets_of_a_life(owner):
        assert secret[20:] not in caplog.text


def test_no_answer_that_shows_a_credential_is_kept_on_its_way(owner: User):
    person = signed_in(owner)
    made = person.post(KEYS, {"name": "Importer"})
    account = {"email": "new@example.com", "password": "correct horse battery"}
    person.post("/api/v1/auth/register", account)
    pair = person.post("/api/v1/auth/token", account)
    for answer in (
        made,
        person.post(f"{KEYS}/{made.json()['id']}/rotate"),
        person.post(f"{KEYS}/{first_key(owner).pk}/reveal"),
        pair,
        person.post("/api/v1/auth/token/refresh", {"refresh": pair.json()["refresh"]}),
    ):
        assert answer.status_code in (200, 201)
        assert answer["Cache-Control"] == "no-store"


def test_what_shows_a_key_does_not_print_it(owner: User):
    shown = create_key(owner, name="Importer")
    assert shown.secret not in f"{shown!r} {shown} {shown.key!r}"
    assert shown.secret.encode() not in pickle.dumps(shown.key)


@pytest.mark.parametrize("debug", [True, False])
def test_error_pages_show_no_header_of_a_key(settings, debug: bool):
    settings.DEBUG = debug
    secret = mint()
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {secret}"})
    try:
        raise RuntimeError("something broke")
    except RuntimeError as error:
        report = ExceptionReporter(request, type(error), error, error.__traceback__)
    pages = report.get_traceback_html() + report.get_traceback_text()
    assert "something broke" in pages
    assert secret not in request_parts(pages)


def request_parts(pages: str) -> str:
    """Without the frames, which show this test's own variables in debug."""
    return pages.rpartition("Request information")[2]


def test_no_task_takes_a_key():
    from config.celery import app

    for name, task in app.tasks.items():
        assert not name.startswith("apikeys."), f"{task} would carry one over the broker"
    assert settings.CELERY_TASK_IGNORE_RESULT
