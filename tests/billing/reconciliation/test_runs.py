"""Runs: of one customer, begun once, carried on where they were left, and never too fast."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from billing.models import Customer, Payment, Subscription
from billing.providers.base import ProviderError
from billing.reconciliation import tasks
from billing.reconciliation.models import Difference, Run
from billing.reconciliation.running import UnderWay, begin, carry_on
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.reconciliation.test_reconcile import reconcile, sold  # noqa: F401

URL = "/api/v1/admin/reconciliations"


def harm_all() -> None:
    Subscription.objects.update(status="past_due")
    Payment.objects.update(amount=1)


def staff(shop: Shop, group: str) -> APIClient:
    person = shop.person(f"{group.lower()}@example.com", is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    return shop.client(person)


# --- one customer ---------------------------------------------------------------------------------
def test_of_one_customer_only_theirs_is_looked_at_and_repaired(
    shop: Shop,
    sold: list[User],  # noqa: F811
):
    harm_all()
    before = len(shop.stripe.requests())
    code, found = reconcile("--customer", sold[1].email, "--fix")
    asked = shop.stripe.requests()[: len(shop.stripe.requests()) - before]
    assert (code, found["found"], found["repaired"]) == (1, 2, 1)
    assert found["open"] == {"payment_amount": 1}
    assert Subscription.objects.get(user=sold[1]).status == "active"
    assert Subscription.objects.filter(status="past_due").count() == 3
    assert len(asked) < 20


def test_whom_nobody_knows_is_not_looked_at(shop: Shop):
    with pytest.raises(CommandError, match="Nobody here is known"):
        call_command("reconcile", "--customer", "nobody@example.com")


# --- begun once, carried on -----------------------------------------------------------------------
def test_the_same_is_begun_once_and_carried_on_by_one(shop: Shop):
    first, second = begin(), begin()
    assert first == second
    assert begin(scope=Run.Scope.CUSTOMER, customer="cus_1") != first
    Run.objects.filter(pk=first.pk).update(seen_at=timezone.now())
    with pytest.raises(UnderWay):
        carry_on(first)
    tasks.take_up()
    assert Run.objects.get(pk=first.pk).standing == "running"


def test_what_the_provider_broke_off_is_taken_up_where_it_was(
    shop: Shop,
    sold: list[User],  # noqa: F811
):
    fault = {"match": "GET /v1/payment_intents", "mode": "status", "status": 500, "times": 99}
    shop.stripe.control("faults", **fault)
    run = begin()
    with pytest.raises(ProviderError):
        carry_on(run)
    run.refresh_from_db()
    assert (run.stage, run.standing) == ("payments", "waiting")
    assert "did not answer" in run.trouble or "out of reach" in run.trouble
    shop.stripe.http.delete("/_sandbox/faults")
    tasks.take_up()
    taken_up = Run.objects.get()
    assert (taken_up.standing, taken_up.trouble) == ("finished", "")
    assert taken_up.events_seen == run.events_seen


def test_a_run_that_is_a_day_old_is_begun_anew(shop: Shop):
    old = begin()
    Run.objects.filter(pk=old.pk).update(started_at=timezone.now() - timedelta(days=1, hours=1))
    new = begin()
    assert new != old
    old.refresh_from_db()
    assert old.standing == "given_up"


def test_it_asks_no_faster_than_it_may(shop: Shop, sold: list[User], settings: Any):  # noqa: F811
    settings.RECONCILE_CALLS_PER_SECOND = 5
    before, began = len(shop.stripe.requests()), time.monotonic()
    reconcile("--customer", sold[0].email)
    calls = len(shop.stripe.requests()) - before
    assert calls > 4
    assert time.monotonic() - began >= (calls - 1) / 5


def test_where_the_provider_has_too_much_to_do_it_waits(
    shop: Shop,
    sold: list[User],  # noqa: F811
):
    fault = {"match": "GET /v1/invoices", "mode": "status", "status": 429, "times": 2}
    shop.stripe.control("faults", **fault)
    assert reconcile()[1]["found"] == 0


# --- by the API -----------------------------------------------------------------------------------
def test_staff_have_a_customer_compared_and_read_what_was_found(
    shop: Shop,
    sold: list[User],  # noqa: F811
):
    harm_all()
    support = staff(shop, "Support")
    asked = support.post(URL, {"customer": sold[0].email})
    assert asked.status_code == 202, asked.json()
    run = asked.json()
    assert (run["status"], run["scope"], run["asked_by"]) == (
        "waiting",
        "customer",
        "support@example.com",
    )
    assert support.post(URL, {"customer": sold[0].email}).json()["id"] == run["id"]
    tasks.carry_on(run["id"])
    told = support.get(f"{URL}/{run['id']}").json()
    assert (told["status"], told["found"]) == ("finished", 2)
    assert told["open"] == {"payment_amount": 1, "subscription_status": 1}
    assert {each["kind"] for each in told["differences"]} == set(told["open"])
    assert all(each["evidence"] for each in told["differences"])
    theirs = Customer.objects.get(user=sold[0]).provider_id or ""
    listed = support.get(URL, {"customer": theirs}).json()["results"]
    assert [each["id"] for each in listed] == [run["id"]]
    assert support.get(URL, {"customer": sold[1].email}).json()["results"] == []


def test_who_may_ask_and_who_may_have_it_repaired(shop: Shop, sold: list[User]):  # noqa: F811
    auditor, support, finance = (staff(shop, each) for each in ("Auditor", "Support", "Finance"))
    stranger = shop.client(sold[0])
    assert APIClient().get(URL).status_code == 401
    assert stranger.get(URL).status_code == 403
    assert stranger.post(URL, {}).status_code == 403
    assert auditor.get(URL).status_code == 200
    assert auditor.post(URL, {}).status_code == 403
    assert support.post(URL, {"fix": True}).status_code == 403
    assert support.post(URL, {}).status_code == 202
    harm_all()
    run = finance.post(URL, {"fix": True}).json()
    tasks.carry_on(run["id"])
    assert Difference.objects.filter(status="repaired").count() == 4
    assert set(Difference.objects.open().values_list("kind", flat=True)) == {"payment_amount"}


def test_what_cannot_be_meant_is_refused_by_its_name(shop: Shop):
    finance = staff(shop, "Finance")
    for body, attr in (
        ({"customer": "nobody@example.com"}, "customer"),
        ({"since": "yesterday"}, "since"),
        ({"everything": True}, "everything"),
    ):
        answer = finance.post(URL, body)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["attr"] == attr
    assert finance.get(URL, {"state": "x"}).status_code == 400
    assert finance.get(f"{URL}/1").status_code == 404


def test_a_run_of_the_recent_past_that_began_earlier_does_for_a_later_one(shop: Shop):
    now = timezone.now()
    earlier = begin(scope=Run.Scope.RECENT, since=now - timedelta(hours=6))
    assert begin(scope=Run.Scope.RECENT, since=now - timedelta(hours=5)) == earlier
    assert begin(scope=Run.Scope.RECENT, since=now - timedelta(hours=7)) != earlier
