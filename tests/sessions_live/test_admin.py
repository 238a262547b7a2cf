from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission

from sessions_live.models import LiveSession, User
from sessions_live.sessions import end_session, open_session
from tests.sessions_live.conftest import PASSWORD

pytestmark = pytest.mark.django_db

CAROL = {"username": "carol@example.com", "password": PASSWORD}


def test_signing_in_at_the_console_opens_a_live_session(browser, carol):
    assert browser.post("/admin/login/?next=/admin/", CAROL)["Location"] == "/admin/"
    assert LiveSession.objects.live().get().user == carol


def test_customers_do_not_get_into_the_console(browser, alice):
    answer = browser.post("/admin/login/", {**CAROL, "username": alice.email})
    assert answer.status_code == 200
    assert not LiveSession.objects.exists()


def test_the_console_lets_no_more_wrong_tries_through_than_the_api(browser, carol):
    for _ in range(5):
        browser.post("/admin/login/", {**CAROL, "password": "wrong"})
    assert "Too many tries" in browser.post("/admin/login/", CAROL).content.decode()
    assert not LiveSession.objects.exists()


@pytest.mark.parametrize("page", ["user/", "user/add/", "livesession/"])
def test_the_console_shows_people_and_sessions(browser, carol, page):
    browser.force_login(carol)
    assert browser.get(f"/admin/sessions_live/{page}").status_code == 200


def test_a_person_is_changed_and_made_at_the_console(browser, carol):
    browser.force_login(carol)
    new = {"email": "Erin@Example.com", "password1": PASSWORD, "password2": PASSWORD}
    added = browser.post("/admin/sessions_live/user/add/", {**new, "usable_password": "true"})
    assert added.status_code == 302, added.content.decode()
    erin = User.objects.get(email="erin@example.com")
    assert browser.get(f"/admin/sessions_live/user/{erin.pk}/change/").status_code == 200


def test_the_page_of_a_person_leads_to_their_live_sessions(browser, carol, alice):
    browser.force_login(carol)
    live, over = (open_session(alice, ip=None, user_agent="") for _ in range(2))
    end_session(over.pk, reason="signed_out")
    page = browser.get(f"/admin/sessions_live/user/{alice.pk}/change/").content.decode()
    link = re.search(r'<a href="(/admin/sessions_live/livesession/[^"]+)">1</a>', page)
    assert link
    listed = browser.get(unescape(link[1])).content.decode()
    assert str(live.pk) in listed
    assert str(over.pk) not in listed
    assert str(LiveSession.objects.get(user=carol).pk) not in listed


def test_sessions_are_to_look_at_only(browser, carol):
    browser.force_login(carol)
    session = LiveSession.objects.get()
    page = f"/admin/sessions_live/livesession/{session.pk}"
    assert "refresh_jti" not in browser.get(f"{page}/change/").content.decode()
    assert browser.post(f"{page}/change/", {"end_reason": "x"}).status_code == 403
    assert browser.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    assert browser.get("/admin/sessions_live/livesession/add/").status_code == 403


def test_staff_end_a_session_on_a_page_of_its_own_with_a_reason(browser, carol, alice):
    browser.force_login(carol)
    session = open_session(alice, ip=None, user_agent="")
    page = f"/admin/sessions_live/livesession/{session.pk}/revoke/"
    assert "End this session" in browser.get(page).content.decode()
    assert LiveSession.objects.get(pk=session.pk).is_live
    assert browser.post(page, {"reason": ""}).status_code == 200
    assert LiveSession.objects.get(pk=session.pk).is_live
    assert browser.post(page, {"reason": "stolen laptop"}).status_code == 302
    assert LiveSession.objects.get(pk=session.pk).end_reason == "ended_by_staff"
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (carol, str(session.pk))
    assert "stolen laptop" in entry.change_message
    assert "is over since" in browser.get(page).content.decode()


def test_staff_without_the_permission_end_nothing(browser, alice, bob):
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_livesession"))
    browser.force_login(bob)
    session = open_session(alice, ip=None, user_agent="")
    page = f"/admin/sessions_live/livesession/{session.pk}"
    assert "End this session" not in browser.get(f"{page}/change/").content.decode()
    assert browser.post(f"{page}/revoke/", {"reason": "x"}).status_code == 403
    assert LiveSession.objects.get(pk=session.pk).is_live
