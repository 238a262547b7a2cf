"""A subscription's life from outside: more, less, a change of mind, a pause, and the end."""

from __future__ import annotations

from tests.journeys.subscribers import amounts, do, refused, subscribed
from tests.product import Product


def test_a_subscription_goes_through_its_life(product: Product):
    alice = subscribed(product, "pro")
    shown = alice.get("subscription/change-preview?tier=team&interval=year")
    assert sum(line["amount"] for line in shown["lines"]) == shown["amount_due"] > 180000
    changed = do(alice, "change", tier="team", interval="year")
    assert (changed["tier"], changed["interval"]) == ("team", "year")
    assert amounts(alice) == [shown["amount_due"], 9700]
    assert alice.get("entitlements")["features"] == ["alerts", "seats"]

    waiting = do(alice, "change", tier="pro", interval="month")
    assert waiting["scheduled_change"]["effective"] == changed["current_period_end"]
    assert alice.get("entitlements")["tier"] == "team"
    assert "Keep your present plan first" in refused(alice, "pause")
    kept = do(alice, "change", tier="team", interval="year")
    assert kept["scheduled_change"] is None

    assert do(alice, "pause")["status"] == "paused"
    assert alice.get("entitlements")["access_until"] == kept["current_period_end"]
    assert do(alice, "resume")["status"] == "active"
    assert do(alice, "cancel", reason="unused")["cancel_at_period_end"] is True
    assert "Keep it (reactivate) first" in refused(alice, "change", tier="pro")
    assert do(alice, "reactivate")["cancel_at_period_end"] is False

    assert do(alice, "cancel", at_period_end=False)["status"] == "canceled"
    assert alice.get("entitlements")["access"] is False
    product.stripe.pay(alice.checkout("team")).raise_for_status()
    alice.wait_until_all_is_heard()
    # The first one was no trial, so the plan still has one to give.
    assert alice.holdings()[1:] == (("trialing", "team"), ("team", True))
    assert amounts(alice) == [shown["amount_due"], 9700]


def test_a_plan_for_good_ends_a_running_subscription(product: Product):
    bob = subscribed(product, "pro")
    product.stripe.pay(bob.checkout("lifetime")).raise_for_status()
    bob.wait_until_all_is_heard()
    assert bob.get("entitlements")["tier"] == "lifetime"
    product.manage("sweep")
    bob.wait_until_all_is_heard()
    assert bob.get("subscription")["status"] == "canceled"
    assert bob.get("entitlements")["tier"] == "lifetime"
    assert amounts(bob) == [800000, 9700]
