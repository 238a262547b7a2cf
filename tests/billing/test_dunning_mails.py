"""Who hears of a renewal that fails, of an end, and of a trial's; each once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.mails.models import Mail
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.life import Life
from tests.billing.overdue import (
    ASKING,
    DECLINED,
    EXPIRED,
    RENEWAL,
    failures,
    miss_the_renewal,
    pay,
    told,
)


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop, alice)


@pytest.fixture
def overdue(life: Life) -> Life:
    return miss_the_renewal(life)


def test_one_mail_per_cause_and_one_for_the_last_try(overdue: Life):
    overdue.shop.stripe.control("settings", after_retries="past_due")
    assert told(overdue) == [("payment_failed", "declined")]
    overdue.advance(3.1)
    assert told(overdue) == [("payment_failed", "declined")]
    overdue.use_card(EXPIRED)
    overdue.advance(5.1)
    assert told(overdue)[1:] == [("card_expired", "card_expired")]
    overdue.advance(7.1)
    assert told(overdue)[2:] == [("payment_failed", "last")]


def test_the_mail_says_what_matters(overdue: Life):
    context = Mail.objects.get(key__startswith="payment_failed:").context
    assert (context["amount"], context["reason"]) == (
        overdue.row.amount,
        "Your card was declined.",
    )
    assert context["method"] == "Visa •••• 0341"
    assert context["next_attempt_at"]
    assert context["grace_until"]


def test_a_bank_that_asks_is_a_cause_of_its_own(life: Life):
    life.use_card(ASKING)
    life.advance(RENEWAL)
    assert told(life) == [("action_needed", "action_needed")]


def take_all_cards(life: Life) -> None:
    stripe, customer = life.shop.stripe, life.at_stripe["customer"]
    for card in stripe.get("payment_methods", customer=customer, type="card")["data"]:
        stripe.stripe.post(f"/v1/payment_methods/{card['id']}/detach").raise_for_status()


def test_that_there_is_no_card_is_a_cause_of_its_own(life: Life):
    take_all_cards(life)
    life.advance(RENEWAL)
    assert (life.seen["status"], told(life)) == ("past_due", [("no_card", "no_card")])
    (attempt,) = failures()
    assert (attempt.code, attempt.message) == (
        "no_payment_method",
        "There is no card on file to charge.",
    )
    life.advance(3.1)
    assert (len(failures()), told(life)) == (1, [("no_card", "no_card")])


def test_who_has_no_card_and_has_canceled_hears_nothing(life: Life):
    take_all_cards(life)
    life.pass_time(31)
    life.do("cancel")
    life.advance(0.1)
    assert told(life) == []


def test_a_decline_after_that_is_another_cause(life: Life):
    take_all_cards(life)
    life.advance(RENEWAL)
    life.use_card(DECLINED)
    life.advance(3.1)
    assert told(life) == [("no_card", "no_card"), ("payment_failed", "declined")]


def test_who_pays_without_a_card_is_told_to_add_one(life: Life):
    take_all_cards(life)
    life.advance(RENEWAL)
    answer = pay(life)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (402, "payment_refused")
    assert "no card on file" in answer.json()["errors"][0]["detail"]
    browser = Client()
    browser.force_login(life.user)
    page = browser.get("/").content.decode()
    assert "There is no card to charge" in page
    assert "Add a card" in page
    life.use_card("4242424242424242")
    assert pay(life).json()["status"] == "paid"


def test_who_has_canceled_hears_nothing_more(overdue: Life):
    Mail.objects.all().delete()
    overdue.do("cancel")
    overdue.use_card(EXPIRED)
    overdue.advance(3.1)
    assert told(overdue) == []


def test_that_access_ended_is_told_once(overdue: Life):
    for days in (3.1, 5.1, 7.1):
        overdue.advance(days)
    assert overdue.seen["status"] == "canceled"
    assert ("payment_failed", "last") not in told(overdue)
    assert Mail.objects.filter(template="access_ended", user=overdue.user).count() == 1


# --- trials ---------------------------------------------------------------------------------------


@pytest.fixture
def trial(shop: Shop, alice: User) -> Life:
    return Life(shop.open("pain_tracker"), alice, "basic")


def trial_mails(life: Life) -> list[dict[str, Any]]:
    rows = Mail.objects.filter(user=life.user, template="trial_ending")
    return [mail.context for mail in rows]


def test_three_days_before_a_trial_ends_its_owner_hears_what_comes(trial: Life):
    assert trial_mails(trial) == []
    trial.advance(11.1)
    (context,) = trial_mails(trial)
    assert (context["amount"], context["method"]) == (999, "Visa •••• 4242")
    assert context["plan"] == "Basic"
    trial.advance(1)
    assert len(trial_mails(trial)) == 1


def test_who_canceled_the_trial_hears_nothing(trial: Life):
    trial.do("cancel")
    trial.advance(11.1)
    assert trial_mails(trial) == []


def test_a_short_trial_is_told_of_at_once(shop: Shop, alice: User):
    from billing.models import Plan

    shop.open("pain_tracker")
    Plan.objects.filter(tier="basic").update(trial_days=2, trial_needs_card=False)
    life = Life(shop, alice, "basic")
    assert len(trial_mails(life)) == 1
