"""The console's page of drift: empty, with differences, and of one customer."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from billing.models import Customer, Payment, Subscription
from billing.reconciliation import tasks
from billing.reconciliation.models import Run
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.reconciliation.test_reconcile import reconcile, sold  # noqa: F401

DRIFT = "/admin/reconciliation/run/drift/"


def browser_of(shop: Shop, group: str) -> Client:
    person = shop.person(f"{group.lower()}@example.com", is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    browser = Client()
    browser.force_login(person)
    return browser


@pytest.fixture
def auditor(shop: Shop) -> Client:
    return browser_of(shop, "Auditor")


@pytest.fixture
def finance(shop: Shop) -> Client:
    return browser_of(shop, "Finance")


def page(browser: Client, path: str = DRIFT) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_before_anybody_has_looked_it_says_so(auditor: Client):
    assert "Nobody has looked yet" in page(auditor)


def test_where_nothing_differs_it_says_when_that_was_seen(auditor: Client, sold: list[User]):  # noqa: F811
    reconcile()
    shown = page(auditor)
    assert "Nothing differs ✓" in shown
    assert "last looked at" in shown
    assert f"/admin/reconciliation/run/{Run.objects.get().pk}/change/" in shown
    assert "Compare everything now" not in shown


def test_what_differs_is_counted_by_class_and_leads_to_its_decision(
    finance: Client,
    auditor: Client,
    sold: list[User],  # noqa: F811
):
    Subscription.objects.update(status="past_due")
    Payment.objects.filter(user=sold[0]).update(amount=1)
    reconcile()
    shown = page(finance)
    assert "5 differences open" in shown
    assert "status__exact=open&kind=subscription_status" in shown
    assert "Changed here, by no event" in shown
    assert shown.count("Decide…") == 5
    assert "Decide…" not in page(auditor)
    of_kind = page(finance, "/admin/reconciliation/difference/?kind=payment_amount")
    assert of_kind.count("changed_here") + of_kind.count("Changed here, by no event") == 1
    sidebar = page(finance, "/admin/")
    assert DRIFT in sidebar


def test_everything_is_compared_at_the_press_of_a_button(finance: Client, sold: list[User]):  # noqa: F811
    told = finance.post(DRIFT, {"scope": "all"}, follow=True).content.decode()
    assert "A worker compares it now" in told
    assert "The first run is under way" in told
    assert LogEntry.objects.get().user.email == "finance@example.com"
    tasks.take_up()
    assert "Nothing differs ✓" in page(finance)
    assert "finance@example.com" in page(finance)


def test_a_customer_is_compared_from_their_own_page(
    finance: Client,
    auditor: Client,
    sold: list[User],  # noqa: F811
):
    row = Customer.objects.get(user=sold[0])
    Subscription.objects.update(status="past_due")
    path = f"/admin/reconciliation/run/customer/{row.pk}/"
    assert path in page(finance, f"/admin/billing/customer/{row.pk}/change/")
    assert "Nobody has compared this customer" in page(finance, path)
    assert auditor.post(path, {"scope": "customer"}).status_code == 403
    finance.post(path, {"scope": "customer"})
    tasks.take_up()
    shown = page(finance, path)
    assert "1 difference open" in shown
    assert "subscription status" in shown.lower()
    assert Run.objects.get().customer == row.provider_id


def test_strangers_do_not_see_it(shop: Shop, sold: list[User]):  # noqa: F811
    browser = Client()
    browser.force_login(shop.person("nosy@example.com", is_staff=True))
    assert browser.get(DRIFT).status_code == 403
