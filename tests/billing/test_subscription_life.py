"""Ending, taking back, pausing and going on; each through the API, with Stripe's word."""

from __future__ import annotations

import pytest
from django.utils import timezone

from billing import sweeping
from billing.mails.models import Mail
from billing.models import Entitlement, Order, Subscription, SubscriptionEvent
from billing.plans import get_price, trial_days_for
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.life import Life


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop, alice)


@pytest.fixture
def diary(shop: Shop) -> Shop:
    return shop.open("pain_tracker")


# --- canceling ------------------------------------------------------------------------------------


def test_canceled_at_the_end_it_goes_on_until_then(life: Life):
    told = life.do("cancel", reason="too_expensive: my budget is small")
    assert (told["status"], told["cancel_at_period_end"]) == ("active", True)
    assert life.access["access"] is True
    assert life.access["access_until"] == told["current_period_end"]
    assert life.at_stripe["cancellation_details"]["feedback"] == "too_expensive"
    assert life.at_stripe["cancellation_details"]["comment"] == "my budget is small"
    life.advance(32)
    assert (life.seen["status"], life.access["access"]) == ("canceled", False)
    assert life.history() == [("canceled", "customer"), ("ended", "provider")]


def test_a_cancellation_is_taken_back_before_the_end(life: Life):
    life.do("cancel")
    told = life.do("reactivate")
    assert (told["cancel_at_period_end"], told["canceled_at"]) == (False, None)
    life.advance(32)
    assert life.seen["status"] == "active"
    kinds = [kind for kind, _ in life.history()]
    assert kinds == ["canceled", "reactivated", "renewed"]


def test_an_end_by_date_is_an_end_too_and_can_be_taken_back(life: Life):
    """As the billing portal sets it in Stripe's newer billing modes."""
    end = life.at_stripe["items"]["data"][0]["current_period_end"]
    life.shop.stripe.stripe.post(
        f"/v1/subscriptions/{life.row.provider_id}", data={"cancel_at": end}
    ).raise_for_status()
    life.hear()
    assert life.seen["cancel_at_period_end"] is True
    assert life.do("reactivate")["cancel_at_period_end"] is False
    assert life.at_stripe["cancel_at"] is None
    assert life.history() == [("canceled", "provider"), ("reactivated", "customer")]


def test_ended_now_it_gives_nothing_and_nothing_back(life: Life):
    told = life.do("cancel", at_period_end=False, reason="Moving away")
    assert told["status"] == "canceled"
    assert life.access["access"] is False
    assert life.shop.stripe.get("refunds")["data"] == []
    event = SubscriptionEvent.objects.exclude(kind="began").get()
    assert (event.kind, event.by, event.actor, event.reason) == (
        "ended",
        "customer",
        life.user,
        "Moving away",
    )


def test_whoever_comes_back_after_the_end_keeps_the_history(life: Life):
    life.do("cancel", at_period_end=False)
    life.shop.buy(life.user, "trader")
    life.hear()
    assert (life.seen["status"], life.seen["tier"]) == ("active", "trader")
    assert life.user.subscriptions.count() == 2
    assert life.access["tier"] == "trader"


# --- trials ---------------------------------------------------------------------------------------


def test_a_trial_is_canceled_without_a_charge(diary: Shop, alice: User):
    life = Life(diary, alice, "basic")
    assert life.seen["status"] == "trialing"
    told = life.do("cancel")
    assert (told["status"], told["cancel_at_period_end"]) == ("trialing", True)
    life.advance(15)
    assert life.seen["status"] == "canceled"
    assert life.api.get("/api/v1/payments").json()["results"] == []


def test_a_trial_is_given_once_also_to_who_comes_back_for_another_plan(diary: Shop, alice: User):
    life = Life(diary, alice, "basic")
    life.do("cancel", at_period_end=False)
    pro = get_price(tier="pro", interval="month")
    assert trial_days_for(alice, pro) == 0
    life.shop.buy(alice, "pro")
    life.hear()
    assert (life.seen["status"], life.seen["trial_end"]) == ("active", None)
    # Also where Stripe's own pages gave the first one, and no order of ours tells of it.
    Order.objects.all().update(trial_days=0)
    assert trial_days_for(alice, pro) == 0


def test_a_plan_may_ask_for_no_card_and_then_ends_with_its_trial(diary: Shop, alice: User):
    alice_wants = get_price(tier="basic", interval="month")
    alice_wants.plan.trial_needs_card = False
    alice_wants.plan.save()
    session = diary.checkout(alice, "basic")
    diary.stripe.control(f"checkout/{session}/complete").raise_for_status()
    diary.hear()
    api = diary.client(alice)
    assert api.get("/api/v1/subscription").json()["status"] == "trialing"
    diary.stripe.control("clock", advance_seconds=15 * 86400)
    diary.hear()
    assert api.get("/api/v1/subscription").json()["status"] == "canceled"
    assert api.get("/api/v1/entitlements").json()["access"] is False
    assert SubscriptionEvent.objects.exclude(kind="began").get().kind == "ended"


def test_a_change_during_the_trial_begins_at_once_and_costs_nothing(diary: Shop, alice: User):
    life = Life(diary, alice, "basic")
    ends = life.seen["trial_end"]
    shown = life.preview(tier="pro", interval="year")
    assert (shown["amount_due"], shown["lines"]) == (0, [])
    told = life.do("change", tier="pro", interval="year")
    assert (told["status"], told["tier"], told["interval"]) == ("trialing", "pro", "year")
    assert told["trial_end"] == ends
    assert life.access["tier"] == "pro"
    life.advance(15)
    assert (life.seen["status"], life.invoices()[0]["amount_paid"]) == ("active", 23990)
    assert ("trial_ended", "provider") in life.history()


# --- pausing --------------------------------------------------------------------------------------


def test_a_pause_keeps_what_is_paid_and_charges_no_more(life: Life):
    paid_until = life.seen["current_period_end"]
    told = life.do("pause")
    assert told["status"] == "paused"
    assert (life.access["access"], life.access["access_until"]) == (True, paid_until)
    life.advance(32)
    assert life.seen["status"] == "paused"
    assert [each["status"] for each in life.invoices()] == ["void", "paid"]
    assert life.access["access_until"] == paid_until


def test_after_the_paid_time_a_pause_gives_nothing_and_the_mail_says_why(life: Life):
    life.do("pause")
    now = timezone.now()
    Subscription.objects.update(paid_until=now)
    Entitlement.objects.update(expires_at=now)
    assert life.access["access"] is False
    assert sweeping.sweep()["grace_ended"] == 1
    assert Entitlement.objects.get().revoke_reason == "paused"
    assert Mail.objects.get(template="access_ended").context["reason"] == "paused"
    life.do("resume")
    assert life.access["access"] is True


def test_going_on_within_the_paid_time_costs_nothing(life: Life):
    life.do("pause")
    life.advance(3)
    told = life.do("resume")
    assert (told["status"], len(life.invoices())) == ("active", 1)
    assert life.access["access_until"] is None
    assert life.history() == [("paused", "customer"), ("resumed", "customer")]


def test_going_on_later_begins_a_new_period_and_pays_it(life: Life):
    life.do("pause")
    life.advance(50)
    told = life.do("resume")
    assert told["status"] == "active"
    newest = life.invoices()[0]
    assert (newest["status"], newest["amount_paid"]) == ("paid", 9700)
    assert newest["created"] == life.at_stripe["billing_cycle_anchor"]


def test_going_on_with_a_card_that_is_declined_leaves_it_paused(life: Life):
    life.do("pause")
    life.advance(50)
    life.use_card("4000000000000341")
    answer = life.post("resume")
    assert answer.status_code == 402
    assert "declined" in answer.json()["errors"][0]["detail"]
    life.hear()
    assert life.seen["status"] == "paused"


def test_a_pause_made_in_the_dashboard_is_a_gift_of_free_time(life: Life):
    life.shop.stripe.stripe.post(
        f"/v1/subscriptions/{life.row.provider_id}", data={"pause_collection[behavior]": "void"}
    ).raise_for_status()
    life.hear()
    assert (life.seen["status"], life.access["access_until"]) == ("active", None)


# --- bought for good ------------------------------------------------------------------------------


def test_a_plan_for_good_ends_the_subscription_that_it_replaces(life: Life):
    life.shop.buy(life.user, "lifetime")
    life.hear()
    assert life.access["tier"] == "lifetime"
    assert sweeping.sweep()["replaced_ended"] == 1
    life.hear()
    assert life.seen["status"] == "canceled"
    assert life.access["tier"] == "lifetime"
    assert life.shop.stripe.get("refunds")["data"] == []
    assert life.history() == [("ended", "platform")]
    ended = SubscriptionEvent.objects.exclude(kind="began").get()
    assert ended.reason == "Replaced by Lifetime, bought for good"
    assert sweeping.sweep()["replaced_ended"] == 0
