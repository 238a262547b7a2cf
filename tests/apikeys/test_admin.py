from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from apikeys.keys import create_key
from apikeys.models import APIKey
from sessions_live.models import User
from tests.apikeys.conftest import bearer

LIST = "/admin/apikeys/apikey/"


def staff(group: str = "") -> Client:
    user = User.objects.create_user(f"{group}@example.com", is_staff=True, is_superuser=not group)
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_staff_look_at_keys_and_see_no_more_than_their_beginning(owner: User):
    shown = create_key(owner, name="Importer")
    console = staff("Auditor")
    for path in (LIST, f"{LIST}{shown.key.pk}/change/", f"{LIST}?q={owner.email}"):
        seen = page(console, path)
        assert shown.secret[:20] in seen
        assert shown.secret not in seen
        assert str(shown.key.key_hash) not in seen


@pytest.mark.parametrize("group", ["Support", ""])
def test_who_may_revoke_does_it_on_a_page_of_its_own(owner: User, group: str):
    shown, console = create_key(owner, name="Importer"), staff(group)
    change = f"{LIST}{shown.key.pk}/change/"
    assert "Revoke…" in page(console, change)
    assert "cannot be undone" in page(console, f"{LIST}{shown.key.pk}/revoke/")
    answer = console.post(f"{LIST}{shown.key.pk}/revoke/")
    assert (answer.status_code, answer["Location"]) == (302, change)
    assert bearer(shown.secret).get("/api/v1/me").status_code == 401
    row = APIKey.objects.get(pk=shown.key.pk)
    assert row.revoke_reason == "by staff"
    assert f"{group.lower()}@example.com" in page(console, f"{LIST}{shown.key.pk}/history/")
    assert "Revoke…" not in page(console, change)
    again = console.post(f"{LIST}{shown.key.pk}/revoke/", follow=True)
    assert "Nothing was done" in again.content.decode()


def test_the_owner_is_not_told_who_of_the_staff_it_was(owner: User):
    shown = create_key(owner, name="Importer")
    staff("Support").post(f"{LIST}{shown.key.pk}/revoke/")
    client = Client()
    client.force_login(owner)
    seen = page(client, "/keys")
    assert "By staff" in seen
    assert "support@example.com" not in seen


@pytest.mark.parametrize("group", ["Finance", "Auditor"])
def test_others_only_look(owner: User, group: str):
    shown, console = create_key(owner, name="Importer"), staff(group)
    assert "Revoke…" not in page(console, f"{LIST}{shown.key.pk}/change/")
    assert console.post(f"{LIST}{shown.key.pk}/revoke/").status_code == 403
    assert bearer(shown.secret).get("/api/v1/me").status_code == 200


def test_keys_are_neither_made_nor_changed_nor_deleted_here(owner: User):
    shown, console = create_key(owner, name="Importer"), staff()
    assert console.get(f"{LIST}add/").status_code == 403
    assert console.post(f"{LIST}{shown.key.pk}/change/", {"scopes": "[]"}).status_code == 403
    assert console.post(f"{LIST}{shown.key.pk}/delete/", {"post": "yes"}).status_code == 403
    assert page(console, f"{LIST}{shown.key.pk}/history/")
