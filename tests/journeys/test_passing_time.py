"""What time does to a subscription, from outside: trials, renewals, what was planned, and ends."""

from __future__ import annotations

from tests.journeys.subscribers import (
    amounts,
    do,
    history,
    mails_to,
    pass_days,
    refused,
    subscribed,
    use_card,
)
from tests.product import Product

GOOD, ASKING = "4242424242424242", "4000002760003184"


def test_a_trial_is_told_of_before_it_ends_then_paid_and_given_once(product: Product):
    buyer = subscribed(product, "team")
    begun = buyer.get("subscription")
    assert (begun["status"], amounts(buyer)) == ("trialing", [])
    assert buyer.get("entitlements")["access"] is True
    assert "trial_ending" not in mails_to(buyer)
    pass_days(buyer, 11.1)
    assert mails_to(buyer).count("trial_ending") == 1
    pass_days(buyer, 3.1)
    assert (buyer.get("subscription")["status"], amounts(buyer)) == ("active", [19700])
    do(buyer, "cancel", at_period_end=False)
    product.stripe.pay(buyer.checkout("team")).raise_for_status()
    buyer.wait_until_all_is_heard()
    assert buyer.get("subscription")["status"] == "active"
    assert amounts(buyer) == [19700, 19700]
    assert mails_to(buyer).count("trial_ending") == 1


def test_a_short_trial_without_a_card_is_told_of_at_once_and_ends_by_itself(product: Product):
    buyer = product.person()
    session_id = buyer.checkout("basic")
    product.stripe.control(f"checkout/{session_id}/complete").raise_for_status()
    buyer.wait_until_all_is_heard()
    assert buyer.get("subscription")["status"] == "trialing"
    assert mails_to(buyer).count("trial_ending") == 1
    pass_days(buyer, 2.1)
    assert buyer.get("subscription")["status"] == "canceled"
    assert buyer.get("entitlements")["access"] is False
    assert (amounts(buyer), mails_to(buyer).count("trial_ending")) == ([], 1)


def test_a_plan_renews_and_one_without_a_card_says_so(product: Product):
    buyer = subscribed(product, "pro")
    pass_days(buyer, 31.1)
    assert (amounts(buyer), history(buyer)) == ([9700, 9700], ["renewed"])
    stripe = product.stripe
    for card in stripe.get("payment_methods", customer=buyer.customer, type="card")["data"]:
        stripe.stripe.post(f"/v1/payment_methods/{card['id']}/detach").raise_for_status()
    pass_days(buyer, 31.1)
    assert buyer.get("subscription")["status"] == "past_due"
    assert mails_to(buyer).count("no_card") == 1
    use_card(buyer, GOOD)
    assert do(buyer, "pay")["status"] == "paid"
    assert history(buyer) == ["renewed", "renewed", "payment_failed", "recovered"]


def test_less_begins_when_what_is_paid_is_used(product: Product):
    buyer = subscribed(product, "team")
    pass_days(buyer, 14.1)
    shown = buyer.get("subscription/change-preview?tier=pro&interval=month")
    assert (shown["amount_due"], shown["lines"]) == (0, [])
    do(buyer, "change", tier="pro", interval="month")
    waiting = buyer.get("subscription")
    assert (waiting["tier"], waiting["scheduled_change"]["tier"]) == ("team", "pro")
    assert waiting["scheduled_change"]["effective"] == shown["effective"]
    assert buyer.get("entitlements")["tier"] == "team"
    pass_days(buyer, 31.1)
    now = buyer.get("subscription")
    assert (now["tier"], now["scheduled_change"]) == ("pro", None)
    assert (buyer.get("entitlements")["tier"], amounts(buyer)) == ("pro", [9700, 19700])


def test_a_pause_outlasts_what_is_paid_and_an_end_comes_as_announced(product: Product):
    buyer = subscribed(product, "pro")
    do(buyer, "pause")
    pass_days(buyer, 31.1)
    assert (buyer.get("subscription")["status"], amounts(buyer)) == ("paused", [9700])
    assert do(buyer, "resume")["status"] == "active"
    assert amounts(buyer) == [9700, 9700]
    do(buyer, "cancel", reason="too_expensive: I saved enough")
    assert "canceled already" in refused(buyer, "cancel")
    pass_days(buyer, 31.1)
    assert buyer.get("subscription")["status"] == "canceled"
    assert buyer.get("entitlements")["access"] is False
    assert history(buyer) == ["paused", "resumed", "canceled", "ended"]
    product.stripe.pay(buyer.checkout("pro")).raise_for_status()
    buyer.wait_until_all_is_heard()
    assert buyer.get("subscription")["status"] == "active"
    assert history(buyer)[:4] == ["paused", "resumed", "canceled", "ended"]


def test_an_upgrade_waits_for_the_bank_and_begins_when_it_is_confirmed(product: Product):
    buyer = subscribed(product, "pro")
    use_card(buyer, ASKING)
    told = do(buyer, "change", tier="team", interval="month")
    awaited = told["awaited_change"]
    assert (told["tier"], awaited["tier"], buyer.get("entitlements")["tier"]) == (
        "pro",
        "team",
        "pro",
    )
    assert mails_to(buyer).count("action_needed") == 1
    assert product.stripe.http.get(awaited["url"]).status_code == 200
    pass_days(buyer, 1)
    assert (buyer.get("subscription")["awaited_change"], amounts(buyer)[-1]) == (None, 9700)

    do(buyer, "change", tier="team", interval="month")
    asked = buyer.get("payments?status=failed")["results"][0]["id"]
    query = "SELECT provider_id FROM billing_payment WHERE id = %s"
    intent = product.value(query, asked)
    product.stripe.control(f"payment_intents/{intent}/authenticate", succeed=True)
    buyer.wait_until_all_is_heard()
    assert (buyer.get("subscription")["tier"], buyer.get("entitlements")["tier"]) == (
        "team",
        "team",
    )
    assert history(buyer) == ["change_awaited", "change_dropped", "change_awaited", "plan_changed"]


def test_months_instead_of_a_year_begin_when_the_year_is_over(product: Product):
    buyer = subscribed(product, "pro")
    year = do(buyer, "change", tier="team", interval="year")
    paid = amounts(buyer)
    shown = buyer.get("subscription/change-preview?tier=team&interval=month")
    assert (shown["amount_due"], shown["effective"]) == (0, year["current_period_end"])
    planned = do(buyer, "change", tier="team", interval="month")["scheduled_change"]
    assert (planned["interval"], planned["effective"]) == ("month", year["current_period_end"])
    pass_days(buyer, 300)
    assert (buyer.get("subscription")["interval"], amounts(buyer)) == ("year", paid)

    # The clock may have come to where the year has a 29th of February.
    pass_days(buyer, 66.1)
    begun = buyer.get("subscription")
    assert (begun["tier"], begun["interval"], begun["amount"]) == ("team", "month", 19700)
    assert (begun["scheduled_change"], amounts(buyer)) == (None, [19700, *paid])
    assert buyer.get("entitlements")["tier"] == "team"
    pass_days(buyer, 31.1)
    assert amounts(buyer) == [19700, 19700, *paid]
    assert history(buyer) == ["plan_changed", "change_planned", "plan_changed", "renewed"]
    assert mails_to(buyer).count("subscription_changed") == 3
