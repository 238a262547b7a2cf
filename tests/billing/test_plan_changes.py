"""Another plan or interval: now with its difference paid, or when the period ends."""

from __future__ import annotations

import pytest

from billing.models import SubscriptionEvent
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.life import Life
from tests.stripe_events import event


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop, alice, "trader")


@pytest.fixture
def diary(shop: Shop, alice: User) -> Life:
    """Pain Tracker's enterprise plan, which has no trial, by the month."""
    return Life(shop.open("pain_tracker"), alice, "enterprise", interval="month")


# --- more -----------------------------------------------------------------------------------------


def test_more_begins_at_once_and_costs_what_was_shown(life: Life):
    life.advance(10)
    shown = life.preview(tier="pro")
    assert 0 < shown["amount_due"] < 4800
    assert sum(line["amount"] for line in shown["lines"]) == shown["amount_due"]
    life.advance(2)
    told = life.do("change", tier="pro")
    assert (told["tier"], told["amount"], told["status"]) == ("pro", 9700, "active")
    newest = life.invoices()[0]
    assert (newest["status"], newest["amount_paid"]) == ("paid", shown["amount_due"])
    assert (life.access["tier"], "backtesting" in life.access["features"]) == ("pro", True)
    change = SubscriptionEvent.objects.exclude(kind="began").get()
    assert (change.kind, change.by, change.actor) == ("plan_changed", "customer", life.user)
    assert (change.before["plan"], change.after["plan"]) == ("Trader", "Pro")


def test_more_raises_the_limits_at_once_and_keeps_what_was_used(shop: Shop, alice: User):
    life = Life(shop.open("pain_tracker"), alice, "basic")
    life.api.post("/api/v1/usage", {"usage_type": "export", "amount": 10})
    assert life.api.post("/api/v1/usage", {"usage_type": "export"}).status_code == 402
    life.do("change", tier="pro")
    counted = life.api.post("/api/v1/usage", {"usage_type": "export"}).json()
    assert (counted["used"], counted["limit"]) == (11, 100)


def test_what_is_not_paid_is_not_given(life: Life):
    life.use_card("4000000000000341")
    first, again = (life.post("change", key="k", tier="pro") for _ in range(2))
    assert first.status_code == again.status_code == 402
    assert first.json() == again.json()
    assert "declined" in first.json()["errors"][0]["detail"]
    life.hear()
    assert (life.seen["tier"], life.seen["status"]) == ("trader", "active")
    assert life.access["tier"] == "trader"
    life.use_card("4242424242424242")
    assert life.do("change", tier="pro")["tier"] == "pro"


def test_a_year_begins_at_once_and_a_month_waits_for_it_to_end(diary: Life):
    shown = diary.preview(tier="enterprise", interval="year")
    told = diary.do("change", tier="enterprise", interval="year")
    assert (told["interval"], told["amount"]) == ("year", 95990)
    assert diary.invoices()[0]["amount_paid"] == shown["amount_due"]
    assert 85900 < shown["amount_due"] < 86100
    back = diary.preview(tier="enterprise", interval="month")
    assert (back["amount_due"], back["effective"]) == (0, told["current_period_end"])
    told = diary.do("change", tier="enterprise", interval="month")
    assert (told["interval"], told["scheduled_change"]["interval"]) == ("year", "month")
    diary.advance(367)
    assert (diary.seen["interval"], diary.seen["scheduled_change"]) == ("month", None)
    assert diary.invoices()[0]["amount_paid"] == 9999


# --- less -----------------------------------------------------------------------------------------


def test_less_begins_when_the_period_ends(life: Life):
    ends = life.seen["current_period_end"]
    shown = life.preview(tier="starter")
    assert shown == {"amount_due": 0, "currency": "usd", "lines": [], "effective": ends}
    told = life.do("change", tier="starter")
    assert (told["tier"], told["amount"]) == ("trader", 4900)
    assert told["scheduled_change"] == {
        "tier": "starter",
        "interval": "month",
        "amount": 1900,
        "currency": "usd",
        "effective": ends,
    }
    assert life.access["tier"] == "trader"
    life.advance(32)
    assert (life.seen["tier"], life.seen["scheduled_change"]) == ("starter", None)
    assert (life.access["tier"], life.invoices()[0]["amount_paid"]) == ("starter", 1900)
    assert life.history()[:2] == [("change_planned", "customer"), ("plan_changed", "provider")]
    life.advance(31)
    assert life.do("change", tier="pro")["tier"] == "pro"


def test_a_planned_change_is_dropped_by_choosing_the_present_plan(life: Life):
    life.do("change", tier="starter")
    told = life.do("change", tier="trader")
    assert (told["tier"], told["scheduled_change"]) == ("trader", None)
    life.advance(32)
    assert (life.seen["tier"], life.invoices()[0]["amount_paid"]) == ("trader", 4900)
    assert [kind for kind, _ in life.history()] == ["change_planned", "change_dropped", "renewed"]


def test_another_choice_takes_the_place_of_the_one_that_waits(life: Life):
    life.do("change", tier="pro")
    assert life.do("change", tier="starter")["scheduled_change"]["tier"] == "starter"
    assert life.do("change", tier="trader")["scheduled_change"]["tier"] == "trader"
    told = life.do("change", tier="elite")
    assert (told["tier"], told["scheduled_change"]) == ("elite", None)


def test_what_is_planned_stays_planned_where_another_choice_is_not_paid(life: Life):
    life.do("change", tier="starter")
    life.use_card("4000000000000341")
    assert life.post("change", tier="elite").status_code == 402
    life.hear()
    assert life.seen["scheduled_change"]["tier"] == "starter"
    life.use_card("4242424242424242")
    life.advance(32)
    assert life.seen["tier"] == "starter"


def test_canceling_drops_the_planned_change(life: Life):
    life.do("change", tier="starter")
    told = life.do("cancel")
    assert (told["cancel_at_period_end"], told["scheduled_change"]) == (True, None)
    life.advance(32)
    assert life.seen["status"] == "canceled"


def test_a_change_planned_in_the_dashboard_shows_too(life: Life):
    stripe = life.shop.stripe.stripe
    made = stripe.post(
        "/v1/subscription_schedules", data={"from_subscription": life.row.provider_id}
    ).json()
    (phase,) = made["phases"]
    starter = stripe.get("/v1/prices", params={"limit": 100}).json()["data"]
    cheap = next(price["id"] for price in starter if price["unit_amount"] == 1900)
    stripe.post(
        f"/v1/subscription_schedules/{made['id']}",
        data={
            "phases[0][start_date]": phase["start_date"],
            "phases[0][end_date]": phase["end_date"],
            "phases[0][items][0][price]": phase["items"][0]["price"],
            "phases[1][items][0][price]": cheap,
            "phases[1][duration][interval]": "month",
        },
    ).raise_for_status()
    life.hear()
    assert life.seen["scheduled_change"]["tier"] == "starter"
    assert life.history() == [("change_planned", "provider")]


# --- what is refused ------------------------------------------------------------------------------


def test_what_makes_no_sense_is_refused_in_words(life: Life):
    assert life.refused("change", tier="trader") == "You have this plan already."
    assert "once and for good" in life.refused("change", tier="lifetime")
    assert life.post("change", tier="free").status_code == 400
    assert life.post("change", tier="nonsense").json()["errors"][0]["attr"] == "tier"
    assert life.post("change", tier="pro", interval="year").json()["errors"][0]["attr"] == (
        "interval"
    )
    life.do("change", tier="starter")
    assert life.refused("change", tier="starter") == "This change is planned already."


def test_a_preview_is_refused_as_its_change_would_be(life: Life):
    life.do("cancel")
    answer = life.api.get("/api/v1/subscription/change-preview", {"tier": "pro"})
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["detail"] == life.refused("change", tier="pro")


# --- Stripe's word, whenever it comes -------------------------------------------------------------


def test_older_news_does_not_undo_a_change(life: Life):
    before = life.at_stripe
    life.pass_time(1)
    life.do("change", tier="pro")
    late = event(
        "customer.subscription.updated",
        before,
        created=int(life.row.fact_at.timestamp()) - 3600,
    )
    life.shop.hear(late)
    assert (life.seen["tier"], life.access["tier"]) == ("pro", "pro")
    life.hear()
    assert (life.seen["tier"], len(life.history())) == ("pro", 1)


def test_the_news_may_come_before_our_own_answer(life: Life):
    """Our answer is lost on the way; the event tells, and the sweep finds that it was done."""
    stripe = life.shop.stripe
    match = f"POST /v1/subscriptions/{life.row.provider_id}"
    stripe.control("faults", match=match, mode="reset_after", times=9)
    answer = life.post("change", key="mine", tier="pro")
    assert answer.status_code in (502, 503), answer.json()
    stripe.http.delete("/_sandbox/faults")
    life.hear()
    assert life.seen["tier"] == "pro"
    assert life.history() == [("plan_changed", "customer")]
    assert life.post("change", key="mine", tier="pro").json()["tier"] == "pro"
    assert [each["billing_reason"] for each in life.invoices()].count("subscription_update") == 1
