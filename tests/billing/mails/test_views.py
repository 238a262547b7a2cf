from __future__ import annotations

import pytest
from django.test import Client

from billing import mails
from billing.mails.models import Mail
from billing.mails.samples import SAMPLES
from sessions_live.models import User
from tests.billing.browsing import browser_of


@pytest.fixture
def mail(alice: User) -> Mail:
    mails.queue(user=alice, template="key_ready", key="k", context=SAMPLES["key_ready"])
    return Mail.objects.get()


def test_people_read_what_was_sent_to_them(mail: Mail, alice: User):
    browser = browser_of(alice)
    shown = browser.get("/mail")
    assert f'src="/mail/{mail.pk}/body"' in shown.content.decode()
    assert "frame-src 'self'" in shown["Content-Security-Policy"]
    body = browser.get(f"/mail/{mail.pk}/body")
    assert "Your API key is ready to be revealed." in body.content.decode()
    assert body["X-Frame-Options"] == "SAMEORIGIN"
    assert "default-src 'none'" in body["Content-Security-Policy"]


def test_somebody_elses_mail_is_not_there(mail: Mail):
    stranger = browser_of(User.objects.create_user("bob@example.com"))
    assert str(mail.pk) not in stranger.get("/mail").content.decode()
    for path in (f"/mail/{mail.pk}", f"/mail/{mail.pk}/body"):
        assert stranger.get(path).status_code == 404


def test_nobody_reads_mail_without_signing_in(mail: Mail, client: Client):
    for path in ("/mail", f"/mail/{mail.pk}", f"/mail/{mail.pk}/body"):
        assert client.get(path).status_code == 302


def test_no_mail_yet_is_said(transactional_db: None):
    browser = browser_of(User.objects.create_user("new@example.com"))
    assert "Nothing yet" in browser.get("/mail").content.decode()


def test_the_way_there_is_on_every_page(mail: Mail, alice: User):
    assert 'href="/mail"' in browser_of(alice).get("/").content.decode()
