from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import reverse
from djstripe import models as djstripe

from billing.providers.mirror.feed import apply_to_mirror
from tests.billing.providers import stripe_objects as example

pytestmark = pytest.mark.django_db


def registered() -> list[Any]:
    ours = apps.get_app_config("djstripe").get_models()
    return [kind for kind in ours if admin.site.is_registered(kind)]


def page(kind: Any, name: str, *args: object) -> str:
    return reverse(f"admin:djstripe_{kind._meta.model_name}_{name}", args=args)


@pytest.fixture
def staff(client):
    user = get_user_model().objects.create_superuser("carol@example.com", "correct horse battery")
    client.force_login(user)
    return client


@pytest.fixture
def mirrored(calls_to_stripe):
    for told in example.common_events():
        assert apply_to_mirror(told)
    yield
    assert calls_to_stripe == []


def test_all_of_dj_stripes_admins_are_replaced():
    assert len(registered()) >= 41
    for kind in registered():
        assert not type(admin.site.get_model_admin(kind)).__module__.startswith("djstripe")


@pytest.mark.usefixtures("mirrored")
def test_every_list_opens_and_can_be_searched(staff):
    for kind in registered():
        for query in ("", "?q=x", "?q=cus_1", "?q=alice@example.com"):
            assert staff.get(page(kind, "changelist") + query).status_code == 200, (kind, query)


@pytest.mark.usefixtures("mirrored")
def test_every_row_opens_even_one_of_which_only_the_id_is_known(staff):
    opened = set()
    for kind in registered():
        for row in kind.objects.all():
            assert staff.get(page(kind, "change", row.pk)).status_code == 200, row
            opened.add(kind)
    assert {djstripe.Invoice, djstripe.Charge, djstripe.Refund, djstripe.PaymentMethod} <= opened


@pytest.mark.usefixtures("mirrored")
def test_nothing_can_be_added_changed_or_deleted(staff):
    for kind in registered():
        assert staff.post(page(kind, "add"), {}).status_code == 403
        for row in kind.objects.all()[:1]:
            assert staff.post(page(kind, "change", row.pk), {"id": "x"}).status_code == 403
            assert staff.post(page(kind, "delete", row.pk), {"post": "yes"}).status_code == 403
            acted = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
            staff.post(page(kind, "changelist"), acted)
            assert kind.objects.filter(pk=row.pk).exists()


@pytest.mark.usefixtures("mirrored")
def test_a_search_finds_by_whole_id_what_is_named_and_what_refers_to_it(staff):
    assert "pi_1" in staff.get(page(djstripe.PaymentIntent, "changelist") + "?q=cus_1").text
    assert "ch_1" in staff.get(page(djstripe.Charge, "changelist") + "?q=pi_1").text
    assert "ch_1" not in staff.get(page(djstripe.Charge, "changelist") + "?q=ch_").text


@pytest.mark.usefixtures("mirrored")
def test_amounts_are_shown_in_their_own_currency(staff):
    assert "¥500" in staff.get(page(djstripe.Charge, "changelist")).text
    assert "$19.00" in staff.get(page(djstripe.Invoice, "changelist")).text


def test_a_list_asks_the_database_a_fixed_number_of_questions(staff, django_assert_max_num_queries):
    for number in range(30):
        told = example.charge(id=f"ch_{number}", customer=f"cus_{number}")
        apply_to_mirror(example.event("charge.succeeded", told))
    with django_assert_max_num_queries(12):
        staff.get(page(djstripe.Charge, "changelist"))


@pytest.mark.usefixtures("mirrored")
def test_a_stranger_sees_nothing(client):
    for kind in registered():
        assert client.get(page(kind, "changelist")).status_code == 302
