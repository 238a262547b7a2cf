"""Another plan whose payment the customer's bank asks about: confirmed, taken back, out of time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.mails.models import Mail
from billing.models import Invoice, Payment, Subscription
from billing.operations.models import Operation
from billing.sweeping import sweep
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.life import Life

ASKING, GOOD, DECLINED = "4000002760003184", "4242424242424242", "4000000000000341"


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    life = Life(shop, alice, "trader")
    life.use_card(ASKING)
    return life


@pytest.fixture
def asked(life: Life) -> Life:
    """Alice wants Pro, and her bank wants to hear from her."""
    life.do("change", tier="pro")
    return life


def answer(life: Life, *, yes: bool) -> None:
    """What she says on her bank's page."""
    intent = Payment.objects.get(invoice_id=life.row.awaited_invoice).provider_id
    life.shop.stripe.control(f"payment_intents/{intent}/authenticate", succeed=yes)
    life.hear()


def mails(life: Life) -> list[Mail]:
    rows = Mail.objects.filter(user=life.user, template="action_needed")
    return list(rows.exclude(status="skipped"))


# --- asked ----------------------------------------------------------------------------------------


def test_the_answer_says_where_the_browser_has_to_go(life: Life):
    shown = life.preview(tier="pro")
    told = life.do("change", tier="pro")
    assert (told["tier"], told["status"]) == ("trader", "active")
    awaited = told["awaited_change"]
    assert (awaited["tier"], awaited["interval"]) == ("pro", "month")
    assert (awaited["amount_due"], awaited["currency"]) == (shown["amount_due"], "usd")
    assert life.shop.stripe.http.get(awaited["url"]).status_code == 200
    assert life.access["tier"] == "trader"
    life.hear()
    assert life.seen["awaited_change"] == awaited
    assert life.access["tier"] == "trader"


def test_the_same_key_gives_the_same_answer(life: Life):
    first, again = (life.post("change", key="k", tier="pro").json() for _ in range(2))
    assert first == again
    assert len(life.invoices()) == 2


def test_a_declined_card_still_changes_nothing(life: Life):
    life.use_card(DECLINED)
    assert life.post("change", tier="pro").status_code == 402
    assert life.seen["awaited_change"] is None
    assert len(life.invoices()) == 1


def test_its_owner_is_written_to_once(asked: Life):
    (mail,) = mails(asked)
    asked.hear()
    (mail,) = mails(asked)
    assert (mail.context["plan"], mail.context["present"]) == ("Pro", "Trader")
    assert mail.context["amount"] == asked.seen["awaited_change"]["amount_due"]
    assert mail.next_attempt_at > timezone.now()


def test_an_answer_that_was_lost_is_looked_up(life: Life):
    life.shop.stripe.control(
        "faults", match=r"POST /v1/subscriptions/sub_\w+", mode="reset_after", times=9
    )
    life.post("change", tier="pro")
    life.shop.stripe.http.delete("/_sandbox/faults")
    Operation.objects.update(due_at=timezone.now())
    sweep()
    life.hear()
    assert life.seen["awaited_change"]["tier"] == "pro"
    assert Operation.objects.get(kind="subscription.move").status == "succeeded"


# --- confirmed ------------------------------------------------------------------------------------


def test_once_it_is_confirmed_the_other_plan_begins(asked: Life):
    due = asked.seen["awaited_change"]["amount_due"]
    answer(asked, yes=True)
    assert (asked.seen["tier"], asked.seen["awaited_change"]) == ("pro", None)
    assert asked.access["tier"] == "pro"
    assert Payment.objects.filter(status="succeeded", amount=due).count() == 1
    assert mails(asked) == []
    assert asked.history() == [("change_awaited", "customer"), ("plan_changed", "customer")]


def test_who_fails_at_the_bank_may_try_again(asked: Life):
    url = asked.seen["awaited_change"]["url"]
    answer(asked, yes=False)
    assert (asked.seen["tier"], asked.seen["awaited_change"]["url"]) == ("trader", url)
    card = {"card_number": GOOD, "expiry": "12/40", "cvc": "123", "name": "Alice"}
    assert asked.shop.stripe.http.post(url, data=card).status_code < 400
    asked.hear()
    assert asked.seen["tier"] == "pro"


# --- not confirmed --------------------------------------------------------------------------------


def test_what_is_not_confirmed_in_a_day_is_dropped(asked: Life):
    asked.advance(1)
    told = asked.seen
    assert (told["tier"], told["status"], told["awaited_change"]) == ("trader", "active", None)
    assert [each["status"] for each in asked.invoices()] == ["void", "paid"]
    # Both may have been made in the same second, which is all that Stripe tells.
    assert sorted(Payment.objects.values_list("status", flat=True)) == ["canceled", "succeeded"]
    assert asked.history()[-1][0] == "change_dropped"
    asked.advance(31)
    assert asked.seen["status"] == "past_due"


def test_that_its_time_is_over_is_seen_without_being_told(asked: Life):
    Subscription.objects.update(awaited_until=timezone.now() - timedelta(seconds=1))
    assert asked.seen["awaited_change"] is None
    assert "have this plan already" in asked.refused("change", tier="trader")


def test_it_can_be_taken_back(asked: Life):
    assert asked.do("change", tier="trader")["awaited_change"] is None
    asked.hear()
    assert [each["status"] for each in asked.invoices()] == ["void", "paid"]
    assert Invoice.objects.filter(status="void").count() == 1
    assert mails(asked) == []
    assert asked.history()[-1] == ("change_dropped", "customer")


def test_a_cancellation_takes_it_back_too(asked: Life):
    assert asked.do("cancel")["cancel_at_period_end"] is True
    asked.hear()
    assert [each["status"] for each in asked.invoices()] == ["void", "paid"]


def test_the_same_wish_again_is_told_that_it_waits(asked: Life):
    assert "waits already" in asked.refused("change", tier="pro")
    assert "waits for your bank" in asked.refused("pause")


def test_another_wish_takes_its_place(asked: Life):
    asked.use_card(GOOD)
    told = asked.do("change", tier="elite")
    assert (told["tier"], told["awaited_change"]) == ("elite", None)
    asked.hear()
    assert [each["status"] for each in asked.invoices()] == ["paid", "void", "paid"]


# --- pages ----------------------------------------------------------------------------------------


@pytest.fixture
def browser(life: Life) -> Client:
    browser = Client()
    browser.force_login(life.user)
    return browser


def test_the_page_leads_to_the_bank_and_back(life: Life, browser: Client):
    form: Any = browser.get("/subscription/change?tier=pro").context["form"]
    sent = browser.post("/subscription/change?tier=pro", {"key": form["key"].value()})
    assert sent.headers["Location"] == "/subscription/confirm"
    url = life.seen["awaited_change"]["url"]
    assert browser.get("/subscription/confirm").headers["Location"] == url
    for page in ("/", "/subscription"):
        text = browser.get(page).content.decode()
        assert "Your bank wants you to confirm" in text
        assert 'href="/subscription/confirm"' in text
    answer(life, yes=True)
    assert "Your bank wants" not in browser.get("/subscription").content.decode()
    assert browser.get("/subscription/confirm").headers["Location"] == "/subscription"


def test_the_page_takes_it_back(asked: Life, browser: Client):
    form: Any = browser.get("/subscription/keep").context["form"]
    browser.post("/subscription/keep", {"key": form["key"].value()})
    assert asked.seen["awaited_change"] is None
