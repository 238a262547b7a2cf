from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from apikeys.keys import create_key
from apikeys.models import APIKey
from sessions_live.models import User
from tests.apikeys.conftest import first_key, lose_access, works

SECRET = re.compile(r'<code id="secret">(sk_[0-9a-f]{64})</code>')
USUAL = {"name": "Importer", "scopes": ["billing:read"], "days": ""}


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_key_is_revealed_once_on_its_page(browser: Client, owner: User):
    assert "Not revealed" in text(browser.get("/keys"))
    answer = browser.post(f"/keys/{first_key(owner).pk}/reveal")
    (secret,) = SECRET.findall(text(answer))
    assert works(secret)
    assert "no-store" in answer["Cache-Control"]
    again = browser.post(f"/keys/{first_key(owner).pk}/reveal", follow=True)
    assert "was shown already" in text(again)
    assert secret not in text(again)


def test_a_key_is_made_on_the_page(browser: Client):
    (secret,) = SECRET.findall(text(browser.post("/keys", USUAL)))
    assert works(secret)
    listed = text(browser.get("/keys"))
    assert secret[:20] in listed
    assert secret not in listed


def test_a_key_made_on_the_page_may_run_out(browser: Client):
    browser.post("/keys", {**USUAL, "days": "30"})
    key = APIKey.objects.get(name="Importer")
    assert key.expires_at
    assert (key.expires_at - key.created_at).days in (29, 30)


@pytest.mark.parametrize("wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["x"]}, {"days": "7"}])
def test_a_wrong_form_comes_back(browser: Client, wrong: dict[str, Any]):
    answer = browser.post("/keys", {**USUAL, **wrong})
    assert "errorlist" in text(answer)
    assert not APIKey.objects.filter(name="Importer").exists()


def test_a_key_is_rotated_after_a_question(browser: Client, owner: User):
    old = create_key(owner, name="Importer")
    page = text(browser.get(f"/keys/{old.key.pk}/rotate"))
    assert "The old key ends" in page
    assert APIKey.objects.filter(name="Importer").count() == 1
    answer = browser.post(f"/keys/{old.key.pk}/rotate", {"grace": "3600"})
    (new,) = SECRET.findall(text(answer))
    assert works(old.secret)
    assert works(new)
    again = browser.post(f"/keys/{old.key.pk}/rotate", {"grace": "3600"}, follow=True)
    assert "taken this one&#x27;s place" in text(again)


def test_a_key_is_revoked_after_a_question(browser: Client, owner: User):
    shown = create_key(owner, name="Importer")
    assert "Revoke “Importer”?" in text(browser.get(f"/keys/{shown.key.pk}/revoke"))
    assert works(shown.secret)
    answer = browser.post(f"/keys/{shown.key.pk}/revoke", follow=True)
    assert "“Importer” is revoked" in text(answer)
    assert "Keys that have ended (1)" in text(answer)
    assert not works(shown.secret)
    assert browser.post(f"/keys/{shown.key.pk}/revoke").status_code == 404


@pytest.mark.parametrize("act", ["reveal", "rotate", "revoke"])
def test_a_strangers_key_is_not_found(browser: Client, stranger: User, act: str):
    key = create_key(stranger, name="theirs").key
    assert browser.post(f"/keys/{key.pk}/{act}", {"grace": "0"}).status_code == 404
    key.refresh_from_db()
    assert (key.status, key.successor_id) == ("active", None)


@pytest.mark.parametrize("path", ["/keys", "/keys/1/reveal", "/keys/1/rotate", "/keys/1/revoke"])
def test_signed_out_people_are_asked_to_sign_in(db: None, path: str):
    answer = Client().post(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={path}")


def test_the_forms_need_their_csrf_token(owner: User):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    for path in ("/keys", f"/keys/{first_key(owner).pk}/reveal"):
        assert client.post(path, USUAL).status_code == 403
    assert first_key(owner).status == "unrevealed"


def test_who_never_paid_is_shown_the_plans(db: None):
    client = Client()
    client.force_login(User.objects.create_user("nobody@example.com"))
    assert "API keys come with a plan" in text(client.get("/keys"))
    assert "pay for one first" in text(client.post("/keys", USUAL, follow=True))


def test_who_lost_access_sees_why_nothing_works(browser: Client, owner: User):
    create_key(owner, name="Importer")
    lose_access(owner)
    page = text(browser.get("/keys"))
    assert "Suspended" in page
    assert "Your plan is not in force" in page
    refused = browser.post(f"/keys/{first_key(owner).pk}/reveal", follow=True)
    assert "pay for one first" in text(refused)


def test_names_are_shown_as_text(browser: Client):
    page = text(browser.post("/keys", {**USUAL, "name": "<script>alert(1)</script>"}))
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
