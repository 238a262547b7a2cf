from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import (
    Customer,
    Entitlement,
    Item,
    Order,
    Payment,
    PaymentAttempt,
    Plan,
    Price,
    Subscription,
)
from billing.roles import make_roles
from billing.webhooks.models import WebhookEvent
from config.kit import console
from sessions_live.models import User
from tests.billing.staff import staff

pytestmark = pytest.mark.django_db

LISTS = (
    "billing/plan",
    "billing/price",
    "billing/item",
    "billing/customer",
    "billing/order",
    "billing/payment",
    "billing/subscription",
    "billing/entitlement",
    "webhooks/webhookevent",
)
NOW = timezone.now()


def make_books(count: int = 1) -> None:
    """One row of each kind for each of so many people."""
    plan, _ = Plan.objects.get_or_create(tier="pro", defaults={"name": "Pro"})
    price, _ = Price.objects.get_or_create(
        plan=plan, interval="month", currency="usd", amount=9700, active=True
    )
    Item.objects.get_or_create(slug="tip", defaults={"name": "Tip", "amount": 1, "currency": "usd"})
    for number in range(User.objects.count(), User.objects.count() + count):
        make_person(number, plan, price)


def make_person(number: int, plan: Plan, price: Price) -> None:
    user = User.objects.create_user(f"person{number}@example.com")
    whose: dict[str, Any] = {"user": user, "provider": "stripe"}
    money: dict[str, Any] = {"amount": 9700, "currency": "usd"}
    Customer.objects.create(**whose, provider_id=f"cus_{number}")
    order = Order.objects.create(**whose, **money, price=price, provider_id=f"cs_{number}")
    subscription = Subscription.objects.create(
        **whose,
        **money,
        plan=plan,
        price=price,
        order=order,
        provider_id=f"sub_{number}",
        status="active",
        interval="month",
        fact_at=NOW,
    )
    payment = Payment.objects.create(
        **whose,
        **money,
        order=order,
        subscription=subscription,
        provider_id=f"pi_{number}",
        invoice_id=f"in_{number}",
        status="succeeded",
    )
    PaymentAttempt.objects.create(
        payment=payment, provider_id=f"ch_{number}", succeeded=True, created_at=NOW
    )
    Entitlement.objects.create(
        user=user, plan=plan, source=f"subscription:{subscription.pk}", granted_at=NOW
    )
    WebhookEvent.objects.create(
        provider="stripe", event_id=f"evt_{number}", type="invoice.paid", body='{"id": "evt"}'
    )


@pytest.fixture
def admin() -> Client:
    return staff(is_superuser=True)


def shown(client: Client, path: str, **query: str) -> list[str]:
    """The rows of a list, as their own text."""
    answer = client.get(f"/admin/{path}/", query)
    assert answer.status_code == 200
    return [str(row) for row in answer.context["cl"].result_list]


def first(path: str) -> Any:
    app, model = path.split("/")
    from django.apps import apps

    return apps.get_model(app, model).objects.order_by("pk").first()


@pytest.mark.parametrize("path", LISTS)
def test_every_list_and_every_row_opens(admin: Client, path: str):
    make_books()
    assert len(shown(admin, path)) == 1
    assert admin.get(f"/admin/{path}/{first(path).pk}/change/").status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_nothing_is_added_changed_or_deleted_by_hand(admin: Client, path: str):
    make_books()
    row = f"/admin/{path}/{first(path).pk}"
    assert admin.post(f"/admin/{path}/add/", {}).status_code == 403
    assert admin.post(f"{row}/change/", {"amount": "1"}).status_code == 403
    assert admin.post(f"{row}/delete/", {"post": "yes"}).status_code == 403
    assert 'name="_save"' not in admin.get(f"{row}/change/").content.decode()


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_with_more_rows(admin: Client, path: str):
    make_books(2)
    with CaptureQueriesContext(connection) as few:
        shown(admin, path)
    make_books(10)
    with CaptureQueriesContext(connection) as many:
        shown(admin, path)
    assert len(many) == len(few)
    assert len(few) <= 12


def test_a_list_counts_no_further_than_its_cap(admin: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(console, "MOST_COUNTED", 5)
    make_books(5)
    assert "5 payments" in " ".join(admin.get("/admin/billing/payment/").content.decode().split())
    make_books(3)
    answer = admin.get("/admin/billing/payment/")
    assert "5+ payments" in " ".join(answer.content.decode().split())


@pytest.mark.parametrize(
    ("path", "term"),
    [
        ("billing/payment", "pi_{}"),
        ("billing/payment", "in_{}"),
        ("billing/order", "cs_{}"),
        ("billing/customer", "cus_{}"),
        ("billing/subscription", "sub_{}"),
        ("webhooks/webhookevent", "evt_{}"),
    ],
)
def test_a_whole_id_finds_its_row(admin: Client, path: str, term: str):
    make_books(3)
    wanted = first(path)
    number = getattr(wanted, "provider_id", getattr(wanted, "event_id", "")).split("_")[1]
    assert shown(admin, path, q=f" {term.format(number)} ") == [str(wanted)]
    assert shown(admin, path, q="nothing_like_it") == []


@pytest.mark.parametrize("path", ["order", "payment", "subscription", "customer", "entitlement"])
def test_an_address_finds_what_is_a_persons(admin: Client, path: str):
    make_books(3)
    wanted = first(f"billing/{path}")
    assert shown(admin, f"billing/{path}", q=wanted.user.email.upper()) == [str(wanted)]
    assert shown(admin, f"billing/{path}", q="nobody@example.com") == []


def test_an_order_and_a_subscription_find_their_payments(admin: Client):
    make_books(3)
    payment = Payment.objects.first()
    assert payment is not None
    for ours in (payment.pk, payment.order_id, payment.subscription_id):
        assert shown(admin, "billing/payment", q=str(ours)) == [str(payment)]


def test_searching_never_scans_a_table(admin: Client):
    make_books(3)
    for term in ("pi_1", "person1@example.com"):
        with CaptureQueriesContext(connection) as queries:
            shown(admin, "billing/payment", q=term)
        searched = [each["sql"] for each in queries if "billing_payment" in each["sql"]]
        assert searched
        assert not [sql for sql in searched if "LIKE" in sql or "UPPER" in sql]


@pytest.mark.parametrize(
    ("path", "query", "count"),
    [
        ("billing/payment", {"status__exact": "succeeded"}, 2),
        ("billing/payment", {"status__exact": "failed"}, 0),
        ("billing/payment", {"provider": "stripe"}, 2),
        ("webhooks/webhookevent", {"status__exact": "received", "provider": "stripe"}, 2),
    ],
)
def test_lists_are_filtered(admin: Client, path: str, query: dict[str, str], count: int):
    make_books(2)
    assert len(shown(admin, path, **query)) == count


def test_filters_never_ask_the_table_for_their_choices(admin: Client):
    make_books()
    for path in LISTS:
        with CaptureQueriesContext(connection) as queries:
            shown(admin, path)
        assert not [each for each in queries if "DISTINCT" in each["sql"]]


def test_a_payment_shows_its_attempts_and_leads_to_what_it_belongs_to(admin: Client):
    make_books()
    payment = Payment.objects.get()
    page = admin.get(f"/admin/billing/payment/{payment.pk}/change/").content.decode()
    assert "$97.00" in page
    assert "ch_" in page
    for target in (
        f"/admin/billing/order/{payment.order_id}/change/",
        f"/admin/billing/subscription/{payment.subscription_id}/change/",
        f"/admin/sessions_live/user/{payment.user_id}/change/",
    ):
        assert f'href="{target}"' in page


# --- who may what -------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["Support", "Finance", "Auditor"])
@pytest.mark.parametrize("path", LISTS)
def test_all_staff_see_everything(group: str, path: str):
    make_books()
    assert len(shown(staff(group), path)) == 1


def test_staff_without_a_group_see_nothing():
    make_books()
    client = staff()
    assert client.get("/admin/billing/payment/").status_code == 403
    assert "Webhook events" not in client.get("/admin/").content.decode()


def test_customers_do_not_get_in():
    client = Client()
    client.force_login(User.objects.create_user("alice@example.com"))
    answer = client.get("/admin/billing/payment/")
    assert answer["Location"].startswith("/admin/login/")


def test_nobody_but_a_superuser_sees_the_keys_of_the_mirror():
    for group in ("Support", "Finance", "Auditor"):
        assert staff(group).get("/admin/djstripe/apikey/").status_code == 403


def test_making_the_roles_again_takes_nothing_away():
    support = Group.objects.get(name="Support")
    finance = Group.objects.get(name="Finance")
    support.permissions.add(finance.permissions.get(codename="change_webhookevent"))
    count = support.permissions.count()
    make_roles()
    assert support.permissions.count() == count


def test_an_empty_list_says_why_and_offers_nothing_that_cannot_be_done():
    auditor = staff("Auditor")
    empty = auditor.get("/admin/billing/payment/").content.decode()
    assert "Nothing here yet" in empty
    make_books()
    searched = auditor.get("/admin/billing/payment/?q=pi_unknown").content.decode()
    assert "Nothing fits" in searched
    assert "Create a new item" not in empty + searched
