from __future__ import annotations

import pytest
from django.test import Client

from sessions_live.models import LiveSession, User
from sessions_live.sessions import end_session, end_sessions_of, open_session
from tests.sessions_live.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def opened(user: User) -> LiveSession:
    return open_session(user, ip=None, user_agent="")


def test_a_session_is_ended_once(alice):
    session = opened(alice)
    assert end_session(session.pk, reason="signed_out")
    assert not end_session(session.pk, reason="revoked")
    assert LiveSession.objects.get().end_reason == "signed_out"


def test_ending_all_but_one_leaves_that_one_and_other_people_alone(alice, bob):
    kept, _, _, bobs = opened(alice), opened(alice), opened(alice), opened(bob)
    assert end_sessions_of(alice, reason="revoked", but=kept) == 2
    assert set(LiveSession.objects.live()) == {kept, bobs}


def test_changing_the_own_password_ends_the_other_sessions(browser, carol):
    elsewhere = Client()
    elsewhere.force_login(carol)
    browser.force_login(carol)
    new = "five wandering geese"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert browser.post("/admin/password_change/", form).status_code == 302
    assert browser.get("/api/v1/me").status_code == 200
    assert elsewhere.get("/api/v1/me").status_code == 401
    assert LiveSession.objects.live().count() == 1


def test_a_password_set_by_somebody_else_ends_all_sessions(alice):
    opened(alice)
    person = User.objects.get(pk=alice.pk)
    person.set_password("five wandering geese")
    person.save()
    assert not LiveSession.objects.live().exists()


def test_disabling_a_person_ends_all_sessions(alice):
    opened(alice)
    person = User.objects.get(pk=alice.pk)
    person.is_active = False
    person.save()
    assert LiveSession.objects.get().end_reason == "disabled"


def test_other_changes_of_a_person_end_nothing(alice):
    opened(alice)
    person = User.objects.get(pk=alice.pk)
    person.name = "Alice Liddell"
    person.save()
    assert LiveSession.objects.live().exists()


def test_a_hash_that_is_renewed_on_signing_in_ends_nothing(alice, settings):
    opened(alice)
    settings.PASSWORD_HASHERS = list(reversed(settings.PASSWORD_HASHERS))
    assert User.objects.get(pk=alice.pk).check_password(PASSWORD)
    assert User.objects.get(pk=alice.pk).password.startswith("pbkdf2")
    assert LiveSession.objects.live().exists()
