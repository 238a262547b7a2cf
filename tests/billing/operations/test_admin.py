from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.outgoing import Unanswered
from billing.roles import make_roles
from sessions_live.models import User
from tests.billing.operations.conftest import FAILS, LOST, Scripted, ask


def staff(group: str) -> Client:
    make_roles()
    person = User.objects.create_user(f"{group.lower()}@example.com", is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(person)
    return client


def unanswered(provider: Scripted, how: object = LOST) -> Operation:
    provider.begin(how)
    operation = ask(user=User.objects.create_user("alice@example.com"))
    with pytest.raises(Unanswered):
        outgoing.submit(operation)
    return operation


def page(operation: Operation) -> str:
    return f"/admin/operations/operation/{operation.pk}/change/"


def look_up(operation: Operation) -> str:
    return f"/admin/operations/operation/{operation.pk}/look-up/"


def test_staff_find_a_call_by_person_subject_and_what_it_made(provider: Scripted):
    operation = outgoing.submit(ask(user=User.objects.create_user("alice@example.com")))
    client = staff("Auditor")

    def found(term: str) -> bool:
        listed = client.get("/admin/operations/operation/", {"q": term})
        return page(operation) in listed.content.decode()

    for term in ("alice@example.com", "thing:1", "thing_1", str(operation.pk)):
        assert found(term), term
    assert not found("thing:2")
    assert client.get("/admin/operations/operation/?needs=human").status_code == 200
    assert client.get(page(operation)).status_code == 200


def test_it_is_looked_up_only_by_the_button(provider: Scripted):
    operation, client = unanswered(provider), staff("Finance")
    assert "Look it up now" in client.get(page(operation)).content.decode()
    assert client.get(look_up(operation)).status_code == 200
    assert provider.look_ups == 0
    client.post(look_up(operation))
    operation.refresh_from_db()
    assert (operation.status, provider.look_ups, len(provider.calls)) == ("succeeded", 1, 1)
    assert "succeeded" in LogEntry.objects.get().change_message


def test_what_never_happened_may_be_settled_with_a_reason(provider: Scripted):
    operation, client = unanswered(provider, FAILS), staff("Finance")
    client.post(look_up(operation), {"give_up": "1", "reason": ""})
    operation.refresh_from_db()
    assert operation.status == "unknown"
    client.post(look_up(operation), {"give_up": "1", "reason": "Not at Stripe."})
    operation.refresh_from_db()
    assert (operation.status, operation.words) == ("failed", "Not at Stripe.")
    assert "Not at Stripe." in LogEntry.objects.get().change_message
    assert len(provider.calls) == 1


def test_what_has_ended_is_left_alone(provider: Scripted):
    operation, client = outgoing.submit(ask()), staff("Finance")
    answer = client.post(look_up(operation), follow=True)
    assert "Nothing was done" in answer.content.decode()
    assert len(provider.calls) == 1


@pytest.mark.parametrize("group", ["Support", "Auditor"])
def test_only_who_answers_for_money_may_look_it_up(group: str, provider: Scripted):
    operation, client = unanswered(provider), staff(group)
    assert "Look it up now" not in client.get(page(operation)).content.decode()
    assert client.get(look_up(operation)).status_code == 403
    assert client.post(look_up(operation)).status_code == 403
    assert provider.look_ups == 0
