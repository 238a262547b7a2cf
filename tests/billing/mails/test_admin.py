from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from billing import mails
from billing.mails import outbox
from billing.mails.models import Mail
from billing.mails.samples import SAMPLES
from billing.roles import make_roles
from sessions_live.models import User
from tests.billing.mails.post_office import PostOffice

LIST = "/admin/mails/mail/"


@pytest.fixture
def mail(alice: User, post_office: PostOffice) -> Mail:
    mails.queue(user=alice, template="receipt", key="receipt:1", context=SAMPLES["receipt"])
    outbox.send_due()
    return Mail.objects.get()


def staff(group: str = "") -> Client:
    make_roles()
    user = User.objects.create_user(f"{group}@example.com", is_staff=True, is_superuser=not group)
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def page(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_staff_find_a_mail_and_read_it_as_it_was_sent(mail: Mail):
    console = staff("Auditor")
    for path in (LIST, f"{LIST}?q=alice@example.com", f"{LIST}?q=receipt:1", f"{LIST}?q={mail.pk}"):
        assert mail.subject in page(console.get(path))
    shown = console.get(f"{LIST}{mail.pk}/change/")
    assert f'src="{LIST}{mail.pk}/body/"' in page(shown)
    assert "frame-src 'self'" in shown["Content-Security-Policy"]
    assert "Send again…" not in page(shown)


def test_the_preview_can_do_nothing(mail: Mail):
    body = staff("Auditor").get(f"{LIST}{mail.pk}/body/")
    assert "We received your payment of $19.00" in page(body)
    policy = body["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


def test_support_sends_a_mail_again_with_a_reason(mail: Mail, post_office: PostOffice):
    console = staff("Support")
    assert "Send again…" in page(console.get(f"{LIST}{mail.pk}/change/"))
    resend = f"{LIST}{mail.pk}/resend/"
    assert "goes to alice@example.com once more" in page(console.get(resend))
    assert "This field is required" in page(console.post(resend, {"reason": ""}))
    console.post(resend, {"reason": "it was lost"})
    again = console.post(resend, {"reason": "twice"}, follow=True)
    assert "waiting to be sent already" in page(again)
    outbox.send_due()
    first, second = post_office.letters
    # Mail systems hide a message whose id they have seen.
    assert first["Message-ID"] != second["Message-ID"]
    assert LogEntry.objects.get().change_message == "Sent again: it was lost"


@pytest.mark.parametrize("group", ["Finance", "Auditor"])
def test_others_only_look(mail: Mail, group: str):
    answer = staff(group).post(f"{LIST}{mail.pk}/resend/", {"reason": "so"})
    assert answer.status_code == 403


def test_customers_see_nothing_of_the_console(mail: Mail, alice: User):
    browser = Client()
    browser.force_login(alice)
    assert browser.get(f"{LIST}{mail.pk}/body/").status_code == 302
    powerless = User.objects.create_user("new@example.com", is_staff=True)
    browser.force_login(powerless)
    assert browser.get(f"{LIST}{mail.pk}/body/").status_code == 403


def test_a_forgotten_mail_is_not_made_up(mail: Mail, alice: User):
    outbox.forget(alice.pk)
    console = staff()
    assert page(console.get(f"{LIST}{mail.pk}/body/")) == "No longer kept."
    assert "nobody to send it to" in page(console.get(f"{LIST}{mail.pk}/resend/"))
