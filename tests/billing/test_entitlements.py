from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from billing import entitlements, overrides
from billing.catalogue import read_catalog, store_catalog
from billing.models import Entitlement, EntitlementOverride, Plan, Price, Subscription
from billing.permissions import HasEntitlement
from billing.usage.models import Allowance
from config.kit.states import StaleState
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.usage.conftest import CATALOG, Meters
from tests.billing.usage.test_metering import at_once


@pytest.fixture
def meters(transactional_db: None) -> Meters:
    return Meters()


@pytest.fixture
def alice(meters: Meters) -> User:
    return meters.person("alice@example.com")


@pytest.fixture
def carol(meters: Meters) -> User:
    return meters.person("carol@example.com", is_staff=True)


def subscribe(
    user: User, tier: str = "basic", interval: str = "month", **fields: Any
) -> Subscription:
    """As the provider tells it."""
    price = Price.objects.get(plan__tier=tier, interval=interval)
    now = timezone.now()
    told = {
        "status": "active",
        "interval": interval,
        "current_period_start": now,
        "current_period_end": now + timedelta(days=30),
        **fields,
    }
    subscription, _ = Subscription.objects.update_or_create(
        user=user,
        provider="stripe",
        provider_id=f"sub_{user.pk}",
        defaults={
            "plan": price.plan,
            "price": price,
            "amount": price.amount,
            "currency": price.currency,
            "fact_at": now,
            **told,
        },
    )
    with transaction.atomic():
        entitlements.follow_subscription(subscription)
    return subscription


def add(user: User, by: User, kind: str, name: str, **terms: Any) -> EntitlementOverride:
    return overrides.add_override(user, kind=kind, name=name, reason="goodwill", by=by, **terms)


def asked(meters: Meters, user: User) -> Any:
    return meters.client(user).get("/api/v1/entitlements").json()


def test_who_has_bought_nothing_has_what_is_free(meters: Meters, alice: User):
    assert asked(meters, alice) == {
        "tier": "free",
        "status": "none",
        "features": ["diary"],
        "quotas": {"entry": 5, "export": 1, "storage": 10},
        "access": False,
        "access_until": None,
    }


def test_a_plan_gives_its_features_and_its_quotas_to_count_by(meters: Meters, alice: User):
    subscribe(alice)
    answer = asked(meters, alice)
    assert (answer["tier"], answer["access"]) == ("basic", True)
    assert answer["features"] == ["diary", "trends"]
    assert answer["quotas"]["entry"] == meters.use(alice).json()["limit"] == 100


def test_the_best_of_several_plans_counts(meters: Meters, alice: User):
    subscribe(alice, "basic")
    plan = Plan.objects.get(tier="pro")
    with transaction.atomic():
        entitlements.grant(user=alice, plan=plan, source=f"order:{new_order_id()}")
    assert asked(meters, alice)["tier"] == "pro"
    assert meters.use(alice).json()["limit"] is None


def new_order_id() -> str:
    from config.kit.ids import new_id

    return str(new_id())


@pytest.mark.parametrize("subscribed", [True, False])
def test_the_one_call_is_four_statements(
    meters: Meters, alice: User, carol: User, subscribed: bool
):
    if subscribed:
        subscribe(alice)
    add(alice, carol, "feature", "reports")
    api = meters.client(alice)
    with CaptureQueriesContext(connection) as statements:
        api.get("/api/v1/entitlements")
    # The session with its user, the plan, the subscription, the exceptions.
    assert len(statements) == 4


def test_quotas_are_monthly_for_who_pays_by_the_year(meters: Meters, alice: User):
    start = timezone.now() - timedelta(days=100)
    subscribe(alice, interval="year", current_period_start=start)
    answer = meters.use(alice).json()
    begun, ends = (datetime.fromisoformat(answer[f"period_{name}"]) for name in ("start", "end"))
    assert begun > start
    assert timedelta(days=28) <= ends - begun <= timedelta(days=31)
    assert begun.time() == start.time()


def test_a_renewal_in_february_does_not_forget_the_31st(meters: Meters, alice: User):
    subscribe(alice, current_period_start=datetime(2026, 1, 31, 9, tzinfo=UTC))
    subscribe(alice, current_period_start=datetime(2026, 2, 28, 9, tzinfo=UTC))
    assert Allowance.objects.get().anchor == datetime(2026, 1, 31, 9, tzinfo=UTC)
    subscribe(alice, current_period_start=datetime(2026, 3, 15, 9, tzinfo=UTC))
    assert Allowance.objects.get().anchor == datetime(2026, 3, 15, 9, tzinfo=UTC)


def test_an_upgrade_raises_the_limit_at_once_and_its_end_keeps_what_was_used(
    meters: Meters, alice: User
):
    start = timezone.now()
    subscribe(alice, "basic", current_period_start=start)
    assert meters.use(alice, amount=100).status_code == 201
    assert meters.use(alice).status_code == 402
    subscribe(alice, "pro", current_period_start=start)
    assert meters.use(alice, amount=50).json()["used"] == 150
    subscribe(alice, "pro", current_period_start=start, status="canceled")
    entry = meters.client(alice).get("/api/v1/usage").json()[0]
    assert (entry["used"], entry["limit"], entry["remaining"]) == (150, 5, 0)
    assert meters.use(alice).status_code == 402


def test_each_right_is_a_span_and_none_is_lost(meters: Meters, alice: User):
    subscribe(alice, "basic")
    subscribe(alice, "pro")
    subscribe(alice, "pro", status="unpaid")
    subscribe(alice, "pro")
    spans = Entitlement.objects.order_by("pk").values_list("plan__tier", "revoke_reason")
    assert list(spans) == [("basic", "plan_changed"), ("pro", "unpaid"), ("pro", "")]


def test_telling_the_same_again_changes_nothing(meters: Meters, alice: User):
    start = timezone.now()
    subscribe(alice, current_period_start=start)
    before = Entitlement.objects.values().get(), Allowance.objects.values().get()
    subscribe(alice, current_period_start=start)
    assert (Entitlement.objects.values().get(), Allowance.objects.values().get()) == before


def test_a_grace_that_runs_out_ends_the_quotas_before_anybody_sweeps(meters: Meters, alice: User):
    subscribe(alice, status="past_due", grace_until=timezone.now() + timedelta(days=1))
    assert meters.use(alice).json()["limit"] == 100
    now = timezone.now()
    Entitlement.objects.update(expires_at=now)
    Allowance.objects.update(expires_at=now)
    assert meters.use(alice).json()["limit"] == 5
    assert entitlements.revoke_expired() == 1
    assert meters.use(alice).json()["limit"] == 5


def test_a_new_catalogue_counts_for_everybody_at_once(meters: Meters, alice: User, carol: User):
    subscribe(alice)
    catalog = read_catalog(CATALOG)
    for plan in catalog.plans:
        plan.quotas["entry"] = {"free": 7, "basic": 70}.get(plan.tier, -1)
        plan.soft_quotas = ["entry"] if plan.tier == "basic" else []
    store_catalog(catalog)
    assert meters.use(carol).json()["limit"] == 7
    answer = meters.use(alice, amount=71)
    assert (answer.status_code, answer.json()["limit"]) == (201, 70)


def test_a_plan_that_is_no_longer_sold_keeps_its_quotas(meters: Meters, alice: User):
    subscribe(alice, "pro")
    catalog = read_catalog(CATALOG)
    catalog.plans = [plan for plan in catalog.plans if plan.tier != "pro"]
    store_catalog(catalog)
    assert meters.use(alice).json()["limit"] is None


def test_a_soft_quota_has_to_be_a_quota(tmp_path):
    from billing.catalogue import CatalogRefused

    file = tmp_path / "wrong.toml"
    text = CATALOG.read_text().replace('soft_quotas = ["storage"]', 'soft_quotas = ["x"]')
    file.write_text(text)
    with pytest.raises(CatalogRefused, match="soft quota 'x'"):
        read_catalog(file)


def test_an_exception_counts_in_place_of_the_plan_until_its_end(
    meters: Meters, alice: User, carol: User
):
    until = timezone.now() + timedelta(days=1)
    add(alice, carol, "quota", "entry", limit=8, until=until)
    add(alice, carol, "feature", "reports")
    add(alice, carol, "feature", "diary", allowed=False)
    answer = asked(meters, alice)
    assert answer["features"] == ["reports"]
    assert answer["quotas"]["entry"] == meters.use(alice).json()["limit"] == 8
    assert answer["access"] is False
    EntitlementOverride.objects.update(until=timezone.now())
    assert asked(meters, alice)["features"] == ["diary"]
    assert asked(meters, alice)["quotas"]["entry"] == 5


def test_an_exception_outlives_a_change_of_plan(meters: Meters, alice: User, carol: User):
    add(alice, carol, "quota", "entry", limit=None)
    subscribe(alice)
    assert meters.use(alice).json()["limit"] is None


def test_an_exception_ends_once_with_a_reason(meters: Meters, alice: User, carol: User):
    made = add(alice, carol, "quota", "entry", limit=8)
    overrides.end_override(made, reason="enough", by=carol)
    assert (made.ended_by, made.end_reason) == (carol, "enough")
    assert meters.use(alice).json()["limit"] == 5
    with pytest.raises(StaleState):
        overrides.end_override(made, reason="again", by=carol)


def test_there_is_one_exception_about_one_thing(meters: Meters, alice: User, carol: User):
    ends = at_once(6, lambda: add(alice, carol, "quota", "entry", limit=8))
    assert ends == {"EntitlementOverride": 1, "OverrideExists": 5}
    EntitlementOverride.objects.update(until=timezone.now())
    assert add(alice, carol, "quota", "entry", limit=9).limit == 9
    assert meters.use(alice).json()["limit"] == 9


@pytest.mark.parametrize(("kind", "name"), [("quota", "nonsense"), ("feature", "entry")])
def test_an_exception_is_about_something_that_plans_have(
    meters: Meters, alice: User, carol: User, kind: str, name: str
):
    with pytest.raises(overrides.UnknownName):
        add(alice, carol, kind, name)


def test_an_exception_does_not_end_before_it_begins(meters: Meters, alice: User, carol: User):
    with pytest.raises(overrides.EndIsPast):
        add(alice, carol, "feature", "reports", until=timezone.now())


def door(*permissions: type[BasePermission]) -> Any:
    class Door(APIView):
        permission_classes = permissions

        def get(self, request: Any) -> Response:
            return Response({"in": True})

    return Door.as_view()


def test_a_door_opens_to_those_whose_plan_has_the_feature(meters: Meters, alice: User):
    view, request = door(HasEntitlement("trends")), APIRequestFactory().get("/")
    assert view(request).status_code in (401, 403)
    force_authenticate(request, alice)
    refused = view(request)
    refused.render()
    assert refused.status_code == 402
    assert json.loads(refused.content)["errors"][0]["code"] == "plan_required"
    subscribe(alice)
    assert view(request).status_code == 200


def test_a_bought_plan_is_known_to_the_meters(shop: Shop):
    """From the hosted page to the counter."""
    shop.open("pain_tracker")
    user = shop.person()
    shop.buy(user, "basic", interval="month")
    shop.hear()
    answer = shop.client(user).post("/api/v1/usage", {"usage_type": "pain_entry"}).json()
    assert (answer["used"], answer["limit"]) == (1, 500)
    subscription = Subscription.objects.get()
    assert subscription.current_period_start is not None
    assert answer["period_start"] == subscription.current_period_start.isoformat().replace(
        "+00:00", "Z"
    )
    held = Entitlement.objects.get()
    assert held.granted_by.startswith("evt_")
