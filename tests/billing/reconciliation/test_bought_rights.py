"""Plans that were bought for good: who paid has the right, and who has the right paid."""

from __future__ import annotations

from billing.models import Entitlement, Order, Payment, Plan
from billing.reconciliation.models import Difference
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.reconciliation import planting
from tests.billing.reconciliation.planting import bought_for_good
from tests.billing.reconciliation.test_reconcile import reconcile


def right_of(order: Order) -> Entitlement:
    return Entitlement.objects.get(source=f"order:{order.pk}", revoked_at=None)


def rights(shop: Shop, user: User) -> list[str]:
    found: list[str] = shop.holdings(user)["entitlements"]
    return found


def test_a_right_that_was_taken_for_no_reason_is_given_again(shop: Shop):
    order = bought_for_good(shop)
    assert reconcile()[1]["open"] == {}
    Entitlement.objects.update(revoked_at=order.created_at)
    assert reconcile()[1]["open"] == {"bought_right_missing": 1}
    found = Difference.objects.get()
    assert (found.object_id, found.cause) == (order.provider_id, "changed_here")
    assert reconcile("--fix")[1]["open"] == {}
    assert rights(shop, order.user) == ["lifetime"]


def test_a_right_to_another_plan_than_was_paid_is_put_right(shop: Shop):
    order = bought_for_good(shop)
    Entitlement.objects.update(plan=Plan.objects.get(tier="starter"))
    assert reconcile()[1]["open"] == {"bought_right_plan": 1}
    assert reconcile("--fix")[1]["open"] == {}
    assert right_of(order).plan.tier == "lifetime"


def test_what_is_paid_and_was_never_completed_is_completed_by_the_providers_word(shop: Shop):
    order = bought_for_good(shop)
    planting.harmed(order, status="expired", completed_at=None)
    Entitlement.objects.all().delete()
    assert Payment.objects.get().is_paid
    assert reconcile()[1]["open"] == {"bought_right_missing": 1}
    assert reconcile("--fix")[1]["open"] == {}
    assert Order.objects.get().status == "completed"
    assert rights(shop, order.user) == ["lifetime"]


def test_a_right_that_was_not_paid_is_left_to_a_person(shop: Shop):
    planting.bought_right_extra(shop, shop.person())
    _, found = reconcile("--fix")
    assert found["open"] == {"bought_right_extra": 1}
    assert "somebody has to decide" in Difference.objects.get().repair
    assert Entitlement.objects.filter(revoked_at=None).count() == 1


def test_one_customer_s_rights_are_looked_at_alone(shop: Shop):
    one, other = bought_for_good(shop), bought_for_good(shop)
    Entitlement.objects.all().delete()
    theirs = str(planting.customer_of(one.user).provider_id)
    assert reconcile("--customer", theirs)[1]["open"] == {"bought_right_missing": 1}
    assert Difference.objects.get().object_id != other.provider_id
