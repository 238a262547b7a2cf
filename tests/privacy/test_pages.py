from __future__ import annotations

import json
import uuid

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from billing.roles import make_roles
from privacy.models import Erasure
from sessions_live.models import User
from tests.privacy.conftest import PASSWORD, Person, go_on


@pytest.fixture
def browser(person: Person) -> Client:
    client = Client()
    client.force_login(person.user)
    return client


def test_the_page_is_found_from_the_first_one(browser: Client):
    assert 'href="/privacy"' in browser.get("/").content.decode()
    page = browser.get("/privacy").content.decode()
    assert "Download my data" in page
    assert "tax law" in page


def test_the_data_can_be_taken_along(browser: Client):
    answer = browser.get("/privacy/my-data.json")
    told = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert told["profile"]["name"] == "Griselda Goose"


def test_leaving_takes_the_password_and_the_tick(browser: Client, person: Person):
    for body in ({"password": PASSWORD}, {"sure": "on"}, {"password": "guess", "sure": "on"}):
        assert browser.post("/privacy", body).status_code == 200
    assert not Erasure.objects.exists()
    assert (
        "not your password"
        in browser.post("/privacy", {"password": "guess", "sure": "on"}).content.decode()
    )


def test_who_has_left_is_signed_out_and_holds_a_receipt(browser: Client, person: Person):
    person.live()
    answer = browser.post("/privacy", {"password": PASSWORD, "sure": "on"}, follow=True)
    assert "is being erased" in answer.content.decode()
    assert str(person.erasure.pk) in answer.content.decode()
    assert "Sign in" in browser.get("/").content.decode()
    go_on(person)
    receipt = Client().get(answer.redirect_chain[-1][0]).content.decode()
    assert "The account is erased" in receipt
    assert "Payments" in receipt
    assert "griselda" not in receipt.lower()


def test_what_holds_it_is_told_before_and_after(browser: Client, person: Person):
    person.live()
    person.user.payments.update(status="disputed")
    assert "A payment is disputed" in browser.get("/privacy").content.decode()
    answer = browser.post("/privacy", {"password": PASSWORD, "sure": "on"}, follow=True)
    assert "A payment is disputed" in answer.content.decode()


def test_a_receipt_that_is_not_there_is_a_404(browser: Client):
    assert browser.get(f"/privacy/erasures/{uuid.uuid4()}").status_code == 404


def test_strangers_are_asked_to_sign_in(person: Person):
    for path in ("/privacy", "/privacy/my-data.json"):
        assert Client().get(path).status_code == 302


def test_staff_see_how_each_erasure_stands(person: Person):
    person.live()
    person.leave()
    go_on(person)
    make_roles()
    auditor = User.objects.create_user("auditor@example.com", is_staff=True)
    auditor.groups.add(Group.objects.get(name="Auditor"))
    client = Client()
    client.force_login(auditor)
    assert str(person.erasure.pk) in client.get("/admin/privacy/erasure/").content.decode()
    page = client.get(f"/admin/privacy/erasure/{person.erasure.pk}/change/").content.decode()
    assert "Tax and accounting law" in page
    assert "griselda" not in page.lower()
