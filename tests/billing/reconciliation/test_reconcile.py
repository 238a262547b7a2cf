from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client

from billing.models import Entitlement, Payment, Subscription
from billing.reconciliation.models import Difference, Run
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop


def reconcile(*arguments: str) -> tuple[int, dict[str, Any]]:
    out, code = StringIO(), 0
    try:
        call_command("reconcile", "--json", *arguments, stdout=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    return code, json.loads(out.getvalue())


def state() -> list[Any]:
    """All that a run may change."""
    return [
        list(model.objects.order_by("pk").values_list())
        for model in (Payment, Subscription, Entitlement, WebhookEvent, Difference)
    ]


@pytest.fixture
def sold(shop: Shop) -> list[User]:
    """Four customers whose events all arrived."""
    people = [shop.person() for _ in range(4)]
    for person in people:
        shop.buy(person)
    shop.hear()
    return people


def test_events_that_never_came_are_found_and_take_effect_once(shop: Shop):
    people = [shop.person() for _ in range(3)]
    for person in people:
        shop.buy(person)
    withheld = len(shop.stripe.events())
    code, found = reconcile()
    assert code == 0
    assert (found["events_recovered"], found["found"]) == (withheld, 0)
    for person in people:
        assert shop.holdings(person)["entitlements"] == ["pro"]
    before = state()
    assert reconcile()[1]["events_recovered"] == 0
    assert state() == before


def test_where_both_agree_nothing_is_found(sold: list[User]):
    before = state()
    code, found = reconcile()
    assert (code, found["found"], found["open"]) == (0, 0, {})
    assert found["objects_seen"] >= 8
    assert state() == before


def test_planted_differences_are_found_and_classed_and_repaired(shop: Shop, sold: list[User]):
    one, two, three, four = Subscription.objects.order_by("pk")
    Subscription.objects.filter(pk=one.pk).update(status="past_due")
    Subscription.objects.filter(pk=two.pk).update(cancel_at_period_end=True)
    Entitlement.objects.filter(user=three.user).delete()
    Payment.objects.filter(user=three.user).update(status="failed")
    Payment.objects.filter(user=four.user).update(amount=1)
    code, found = reconcile()
    assert code == 1
    assert found["open"] == {
        "subscription_status": 1,
        "subscription_terms": 1,
        "entitlement_missing": 1,
        "payment_status": 1,
        "payment_amount": 1,
    }
    before = state()
    assert reconcile()[1]["found"] == 0
    assert state() == before
    code, found = reconcile("--fix")
    # An amount that was recorded is not overwritten by a rule: somebody has to decide.
    assert (code, found["repaired"], found["open"]) == (1, 4, {"payment_amount": 1})
    one.refresh_from_db()
    assert one.status == "active"
    assert Payment.objects.get(user=three.user).status == "succeeded"
    assert shop.holdings(three.user)["entitlements"] == ["pro"]


def test_a_run_that_was_killed_is_taken_up_where_it_was(sold: list[User]):
    reconcile()
    first = Run.objects.get()
    Run.objects.update(finished_at=None, stage="payments")
    Run.objects.update(seen_at="2020-01-01T00:00:00Z")
    reconcile()
    taken_up = Run.objects.get()
    assert taken_up.finished_at is not None
    assert taken_up.events_seen == first.events_seen


def test_staff_repair_with_a_reason(shop: Shop, sold: list[User]):
    one = Subscription.objects.earliest("pk")
    Subscription.objects.filter(pk=one.pk).update(status="past_due")
    reconcile()
    path = f"/admin/reconciliation/difference/{Difference.objects.get().pk}"
    finance, auditor = Client(), Client()
    for client, group in ((finance, "Finance"), (auditor, "Auditor")):
        user = shop.person(f"{group.lower()}@example.com", is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client.force_login(user)
    assert auditor.get(f"{path}/decide/").status_code == 403
    assert "Decide…" in finance.get(f"{path}/change/").content.decode()
    assert finance.post(f"{path}/decide/", {"reason": "seen", "what": "repair"}).status_code == 302
    one.refresh_from_db()
    assert (one.status, Difference.objects.get().status) == ("active", "repaired")


def test_what_is_left_as_it_is_comes_back_only_if_it_changes(shop: Shop, sold: list[User]):
    payment = Payment.objects.earliest("pk")
    Payment.objects.filter(pk=payment.pk).update(amount=1)
    reconcile()
    difference = Difference.objects.get()
    root = Client()
    carol = shop.person("carol@example.com", is_staff=True, is_superuser=True)
    root.force_login(carol)
    path = f"/admin/reconciliation/difference/{difference.pk}"
    answer = root.post(f"{path}/decide/", {"what": "ignore", "reason": "A test"}, follow=True)
    assert "Left as it is" in answer.content.decode()
    difference.refresh_from_db()
    assert (difference.status, difference.repair, difference.by) == (
        "ignored",
        "A test",
        carol,
    )
    assert LogEntry.objects.get().get_change_message() == "Left as it is: A test"
    assert reconcile()[1]["open"] == {}
    Payment.objects.filter(pk=payment.pk).update(amount=2)
    assert reconcile()[1]["open"] == {"payment_amount": 1}


def test_nobody_decides_twice_or_without_a_reason(shop: Shop, sold: list[User]):
    Payment.objects.filter(pk=Payment.objects.earliest("pk").pk).update(amount=1)
    reconcile()
    root = Client()
    root.force_login(shop.person("carol@example.com", is_staff=True, is_superuser=True))
    path = f"/admin/reconciliation/difference/{Difference.objects.get().pk}/decide/"
    assert root.post(path, {"what": "ignore", "reason": ""}).status_code == 200
    assert Difference.objects.get().status == "open"
    root.post(path, {"what": "ignore", "reason": "first"})
    told = root.post(path, {"what": "ignore", "reason": "second"}, follow=True)
    assert "It is ignored already." in told.content.decode()
    assert Difference.objects.get().repair == "first"


def test_what_differs_no_more_is_closed_by_the_run_that_sees_it(shop: Shop, sold: list[User]):
    payment = Payment.objects.earliest("pk")
    Payment.objects.filter(pk=payment.pk).update(amount=1)
    reconcile()
    Payment.objects.filter(pk=payment.pk).update(amount=payment.amount)
    code, found = reconcile()
    assert (code, found["gone"], found["open"]) == (0, 1, {})
    difference = Difference.objects.get()
    assert difference.status == "gone"
    assert difference.closed_by == Run.objects.latest("pk")
    assert difference.closed_at is not None


def test_a_run_that_did_not_look_there_closes_nothing(shop: Shop, sold: list[User]):
    made = Subscription.objects.earliest("pk")
    Subscription.objects.filter(pk=made.pk).update(status="past_due")
    reconcile()
    Subscription.objects.filter(pk=made.pk).update(status="active")
    shop.stripe.control("clock", advance_seconds=7200)
    # Nothing was made in the last minute of the provider's time.
    later = datetime.now(UTC) + timedelta(hours=1)
    reconcile("--since", later.isoformat())
    assert Difference.objects.get().status == "open"
