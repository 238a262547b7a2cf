"""Going on after a pause with a card whose bank wants to see its owner."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing import moves
from billing.mails.models import Mail
from billing.models import Payment
from billing.operations.models import Operation
from billing.sweeping import sweep
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.life import DAY, Life

ASKING = "4000002760003184"


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    """Alice has used up what was paid before her pause."""
    life = Life(shop, alice, "trader")
    life.do("pause")
    life.advance(50)
    life.use_card(ASKING)
    return life


@pytest.fixture
def asked(life: Life) -> Life:
    life.do("resume")
    life.hear()
    return life


def answer(life: Life, *, yes: bool) -> None:
    intent = Payment.objects.get(invoice_id=life.row.awaited_invoice).provider_id
    life.shop.stripe.control(f"payment_intents/{intent}/authenticate", succeed=yes)
    life.hear()


def sweep_on() -> None:
    Operation.objects.open().update(due_at=timezone.now())
    sweep()


def test_it_stays_paused_and_says_where_to_confirm(life: Life):
    told = life.do("resume")
    awaited = told["awaited_change"]
    assert (told["status"], awaited["tier"], awaited["amount_due"]) == ("paused", "trader", 4900)
    assert life.shop.stripe.http.get(awaited["url"]).status_code == 200
    life.hear()
    assert life.seen["awaited_change"] == awaited
    assert life.access["access_until"] is not None
    assert Mail.objects.get(template="action_needed").context["amount"] == 4900
    assert life.refused("resume") == moves.RESUMES_ALREADY
    assert not Operation.objects.open().exists()


def test_once_it_is_confirmed_a_new_period_has_begun_and_is_paid(asked: Life):
    answer(asked, yes=True)
    assert (asked.seen["status"], asked.seen["awaited_change"]) == ("active", None)
    assert (asked.access["access"], asked.access["access_until"]) == (True, None)
    newest, at_stripe = asked.invoices()[0], asked.at_stripe
    assert (newest["status"], newest["amount_paid"]) == ("paid", 4900)
    assert newest["created"] == at_stripe["billing_cycle_anchor"]
    assert at_stripe["metadata"].keys() & {"paid_until", "resuming"} == set()
    assert asked.history()[-2:] == [("change_awaited", "customer"), ("resumed", "customer")]


def test_what_is_not_confirmed_in_time_stays_paused_and_is_never_charged(asked: Life):
    asked.advance(1)
    sweep_on()
    asked.hear()
    assert (asked.seen["status"], asked.seen["awaited_change"]) == ("paused", None)
    assert asked.at_stripe["pause_collection"]["behavior"] == "void"
    asked.advance(40)
    assert asked.seen["status"] == "paused"
    assert asked.access["access_until"] is not None
    assert [each["amount_paid"] for each in asked.invoices() if each["amount_paid"]] == [4900]
    assert [kind for kind, _ in asked.history()[-2:]] == ["change_awaited", "change_dropped"]


def test_a_period_that_begins_just_then_is_not_charged_either(life: Life):
    ends = life.at_stripe["items"]["data"][0]["current_period_end"]
    life.shop.stripe.control("clock", to=ends - DAY // 2)
    life.do("resume")
    life.shop.stripe.control("clock", to=ends + 1)
    life.hear()
    sweep_on()
    life.advance(2)
    assert life.seen["status"] == "paused"
    assert life.access["access_until"] is not None
    assert {each["status"] for each in life.invoices()} == {"paid", "void"}


def test_it_can_be_left_paused_and_asked_for_again(asked: Life):
    told = asked.do("change", tier="trader")
    assert (told["status"], told["awaited_change"]) == ("paused", None)
    asked.hear()
    assert asked.at_stripe["pause_collection"]["behavior"] == "void"
    assert asked.history()[-1] == ("change_dropped", "customer")
    asked.use_card("4242424242424242")
    assert asked.do("resume")["status"] == "active"


def test_an_answer_that_was_lost_is_looked_up(life: Life):
    life.shop.stripe.control(
        "faults", match=r"POST /v1/subscriptions/sub_\w+", mode="reset_after", times=9
    )
    life.post("resume")
    life.shop.stripe.http.delete("/_sandbox/faults")
    sweep_on()
    life.hear()
    assert life.seen["awaited_change"]["tier"] == "trader"
    assert not Operation.objects.open().exists()


def test_the_page_leads_to_the_bank_and_tells_what_waits(life: Life):
    browser = Client()
    browser.force_login(life.user)
    form: Any = browser.get("/subscription/resume").context["form"]
    sent = browser.post("/subscription/resume", {"key": form["key"].value()})
    assert sent.headers["Location"] == "/subscription/confirm"
    url = life.seen["awaited_change"]["url"]
    assert browser.get("/subscription/confirm").headers["Location"] == url
    text = browser.get("/subscription").content.decode()
    assert "before Trader goes on. Until then it stays paused" in text
    assert "To go on, once it is confirmed at the bank" in text
    assert "Leave Trader paused?" in browser.get("/subscription/keep").content.decode()
