from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from billing.access_history import Section, explain
from billing.models import Entitlement, EntitlementOverride, Subscription
from billing.signals import access_explained
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.test_entitlements import add, subscribe
from tests.billing.usage.conftest import Meters
from tests.billing.usage.test_corrections import console


@pytest.fixture
def meters(transactional_db: None) -> Meters:
    return Meters()


@pytest.fixture
def ann(meters: Meters) -> User:
    return meters.person("ann@example.com")


@pytest.fixture
def carol(meters: Meters) -> User:
    return meters.person("carol@example.com", password="demo", is_staff=True)


def age(days: int) -> None:
    """Moves what happened so far into the past."""
    back = timedelta(days=days)
    for held in Entitlement.objects.all():
        held.granted_at -= back
        held.revoked_at = held.revoked_at and held.revoked_at - back
        held.save()


def test_the_past_is_told_as_it_was(meters: Meters, ann: User):
    subscribe(ann, "basic")
    age(10)
    subscribe(ann, "pro")
    age(10)
    subscribe(ann, "pro", status="unpaid")
    now = timezone.now()
    told = [
        (why.access, why.plan.tier)
        for days in (25, 15, 5, 0)
        if (why := explain(ann, now - timedelta(days=days))).plan
    ]
    assert told == [(False, "free"), (True, "basic"), (True, "pro"), (False, "free")]
    last, first = explain(ann, now).chains
    assert last.because.endswith(": unpaid.")
    assert first.because.endswith(": plan changed.")


def test_exceptions_are_told_as_they_were(meters: Meters, ann: User, carol: User):
    made = add(ann, carol, "quota", "entry", limit=8)
    EntitlementOverride.objects.update(
        created_at=timezone.now() - timedelta(days=9), ended_at=timezone.now() - timedelta(days=3)
    )
    then = explain(ann, timezone.now() - timedelta(days=5))
    assert (then.quotas["entry"], then.overrides) == (8, [made])
    assert explain(ann, timezone.now()).quotas["entry"] == 5


def test_those_above_add_what_they_know(meters: Meters, ann: User):
    def machines(user: User, **_: object) -> Section:
        return Section("Machines", [("vm-1", f"of {user}")])

    access_explained.connect(machines)
    try:
        told = explain(ann, timezone.now()).sections
    finally:
        access_explained.disconnect(machines)
    assert Section("Machines", [("vm-1", "of ann@example.com")]) in told


def test_the_chain_names_event_order_subscription_and_right(shop: Shop):
    user = shop.person("eve@example.com")
    staff = shop.person("carol@example.com", password="demo", is_staff=True)
    shop.buy(user)
    shop.hear()
    (chain,) = explain(user, timezone.now()).chains
    assert chain.in_force
    assert chain.granted is not None
    assert chain.granted.event_id == Entitlement.objects.get().granted_by
    assert chain.subscription == Subscription.objects.get()
    assert chain.order is not None
    page = console(staff, "Support").get(
        "/admin/billing/entitlement/why/", {"user": "Eve@example.com"}
    )
    text = page.content.decode()
    for words in (chain.granted.type, chain.subscription.provider_id, "In force.", "Pro"):
        assert words in text


def test_what_the_return_page_found_out_has_no_event(shop: Shop):
    user = shop.person()
    shop.look_back(user, shop.buy(user))
    assert not WebhookEvent.objects.exists()
    (chain,) = explain(user, timezone.now()).chains
    assert (chain.in_force, chain.granted) == (True, None)


def test_the_page_answers_for_now_and_for_then(meters: Meters, ann: User, carol: User):
    subscribe(ann)
    age(10)
    browser, path = console(carol, "Auditor"), "/admin/billing/entitlement/why/"
    assert browser.get(path).status_code == 200
    assert "Basic: In force." in browser.get(path, {"user": ann.email}).content.decode()
    then = (timezone.now() - timedelta(days=20)).strftime("%Y-%m-%dT%H:%M")
    assert "Not given before" in browser.get(path, {"user": ann.email, "at": then}).content.decode()
    unknown = browser.get(path, {"user": "nobody@example.com"}).content.decode()
    assert "Nobody has this e-mail address." in unknown


def test_the_page_is_for_staff_who_may_see_rights(meters: Meters, ann: User, carol: User):
    path = "/admin/billing/entitlement/why/"
    assert Client().get(path).status_code == 302
    assert console(carol).get(path).status_code == 403


def test_finance_makes_and_ends_an_exception_on_pages_of_their_own(
    meters: Meters, ann: User, carol: User
):
    browser = console(carol, "Finance")
    base = "/admin/billing/entitlementoverride"
    assert "Make an exception…" in browser.get(f"{base}/").content.decode()
    told = {"user": ann.email, "about": "quota:entry", "limit": "9", "reason": "goodwill"}
    assert browser.get(f"{base}/new/").status_code == 200
    browser.post(f"{base}/new/", told)
    made = EntitlementOverride.objects.get()
    assert (made.user, made.limit, made.by) == (ann, 9, carol)
    assert meters.use(ann).json()["limit"] == 9
    twice = browser.post(f"{base}/new/", told).content.decode()
    assert "There is one already" in twice
    assert "End…" in browser.get(f"{base}/{made.pk}/change/").content.decode()
    assert browser.get(f"{base}/{made.pk}/end/").status_code == 200
    assert EntitlementOverride.objects.get().ended_at is None
    browser.post(f"{base}/{made.pk}/end/", {"reason": "enough"})
    assert meters.use(ann).json()["limit"] == 5
    again = browser.post(f"{base}/{made.pk}/end/", {"reason": "enough"}, follow=True)
    assert "Nothing was done. It has ended already by carol@example.com." in again.content.decode()


@pytest.mark.parametrize(
    "told", [{"user": "nobody@example.com"}, {"about": "quota:x"}, {"reason": ""}, {"limit": "-1"}]
)
def test_a_form_that_is_not_right_makes_nothing(
    meters: Meters, ann: User, carol: User, told: dict[str, str]
):
    right = {"user": ann.email, "about": "quota:entry", "limit": "9", "reason": "goodwill"}
    browser = console(carol, "Finance")
    answer = browser.post("/admin/billing/entitlementoverride/new/", {**right, **told})
    assert answer.status_code == 200
    assert not EntitlementOverride.objects.exists()


def test_others_of_the_staff_make_no_exceptions(meters: Meters, ann: User, carol: User):
    made = add(ann, carol, "feature", "reports")
    for group in Group.objects.exclude(name="Finance").values_list("name", flat=True):
        browser = console(carol, group)
        for path in ("new/", f"{made.pk}/end/"):
            url = f"/admin/billing/entitlementoverride/{path}"
            assert browser.get(url).status_code == 403
            assert browser.post(url, {}).status_code == 403
