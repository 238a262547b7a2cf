from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from billing.provisioning import outbox
from billing.provisioning.models import Message
from sessions_live.models import User
from tests.billing.provisioning.receiver import Receiver


def console(group: str) -> Client:
    user = User.objects.create_user(f"{group.lower()}@example.com", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def again(message: Message) -> str:
    return f"/admin/provisioning/message/{message.pk}/send-again/"


def seen_on(client: Client, message: Message) -> str:
    return str(client.get(again(message)).context["form"].initial["seen"])


@pytest.fixture
def told(receiver: Receiver, customer: User) -> Message:
    receiver.answers = [500]
    outbox.deliver_due()
    Message.objects.update(status="dead")
    return Message.objects.get()


def test_staff_see_what_was_sent_and_what_came_of_it(told: Message):
    client = console("Auditor")
    assert told.type in client.get("/admin/provisioning/message/").content.decode()
    page = client.get(f"/admin/provisioning/message/{told.pk}/change/").content.decode()
    assert told.message_id in page
    assert "Answered 500." in page
    assert "Send again" not in page


@pytest.mark.parametrize("group", ["Support", "Finance"])
def test_a_message_is_sent_again_with_its_id_and_a_reason(
    receiver: Receiver, told: Message, group: str
):
    client = console(group)
    form = {"reason": "receiver mended", "seen": seen_on(client, told)}
    assert client.post(again(told), form).status_code == 302
    outbox.deliver_due()
    assert [h["webhook-id"] for h, _ in receiver.seen] == [told.message_id] * 2
    assert "receiver mended" in LogEntry.objects.get().change_message
    stale = client.post(again(told), form, follow=True).content.decode()
    assert "Nothing was done" in stale


def test_it_takes_a_reason_and_the_right(told: Message):
    client = console("Support")
    assert client.post(again(told), {"reason": "", "seen": "x"}).status_code == 200
    assert console("Auditor").get(again(told)).status_code == 403
    told.refresh_from_db()
    assert told.status == "dead"
