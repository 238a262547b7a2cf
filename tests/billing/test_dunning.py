"""A renewal that fails: what is kept of it, who hears of it, and how it is paid after all."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from billing import sweeping
from billing.mails.models import Mail
from billing.models import Entitlement, Invoice, Payment, PaymentAttempt, Subscription
from billing.operations.models import Operation
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished
from tests.billing.life import Life

DECLINED, EXPIRED, ASKING = "4000000000000341", "4000000000000069", "4000002760003184"
# Renewal, and the hour that its invoice is a draft.
RENEWAL = 31.1


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop, alice)


@pytest.fixture
def overdue(life: Life) -> Life:
    life.use_card(DECLINED)
    life.advance(RENEWAL)
    return life


def owed() -> Invoice:
    return Invoice.objects.filter(status="open").latest("created_at")


def failures() -> list[PaymentAttempt]:
    return list(PaymentAttempt.objects.filter(succeeded=False))


def told(life: Life) -> list[tuple[str, str]]:
    """The mails about money that did not come: template and occasion."""
    rows = Mail.objects.filter(user=life.user, key__startswith="payment_failed:").exclude(
        status="skipped"
    )
    return [(mail.template, mail.key.rpartition(":")[2]) for mail in rows.order_by("id")]


def pay(life: Life, key: str = "") -> Any:
    return life.post("pay", key=key)


# --- what is kept ---------------------------------------------------------------------------------


def test_a_failed_renewal_keeps_what_the_bank_said(overdue: Life):
    (attempt,) = failures()
    assert (attempt.code, attempt.decline_code) == ("card_declined", "generic_decline")
    assert attempt.message == "Your card was declined."
    assert attempt.method == "Visa •••• 0341"
    assert attempt.error["type"] == "card_error"
    assert "client_secret" not in json.dumps(attempt.error)
    assert "billing_details" not in json.dumps(attempt.error)


def test_a_failed_renewal_keeps_access_for_the_days_of_the_plan(overdue: Life):
    row = overdue.row
    assert row.status == "past_due"
    assert row.grace_until is not None
    assert row.current_period_start is not None
    assert (row.grace_until - row.current_period_start).days == row.plan.grace_days
    assert (overdue.access["access"], overdue.seen["status"]) == (True, "past_due")
    assert owed().next_attempt_at is not None


def test_a_year_s_grace_begins_with_the_invoice_that_failed(shop: Shop, alice: User):
    life = Life(shop.open("pain_tracker"), alice, "enterprise", interval="year")
    life.use_card(DECLINED)
    life.advance(100)
    before = life.row.current_period_start
    Invoice.objects.create(
        user=alice, kind="invoice", provider="stripe", provider_id="in_midyear", status="open",
        provider_subscription_id=life.row.provider_id, currency="usd", subtotal=100, total=100,
        amount_due=100, amount_paid=0, amount_remaining=100, attempt_count=1,
        created_at=timezone.now() + timedelta(days=100), fact_at=timezone.now(),
    )  # fmt: skip
    from billing import arrears

    Subscription.objects.update(status="past_due")
    arrears.after_invoice(Invoice.objects.get(provider_id="in_midyear"))
    assert life.row.grace_until is not None
    assert before is not None
    assert (life.row.grace_until - before).days >= 100


def test_each_retry_is_one_row(overdue: Life):
    overdue.advance(3.1)
    overdue.advance(5.1)
    assert len(failures()) == 3
    assert len({attempt.provider_id for attempt in failures()}) == 3
    assert owed().attempt_count == 3


def test_a_try_that_made_no_charge_is_not_taken_for_the_one_before(overdue: Life):
    overdue.use_card(ASKING)
    overdue.advance(3.1)
    last = failures()[-1]
    assert (len(failures()), last.code) == (2, "authentication_required")
    assert overdue.seen["status"] == "past_due"


def test_events_in_any_order_and_twice_end_the_same(life: Life):
    life.use_card(DECLINED)
    life.pass_time(RENEWAL)
    kinds = (
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.subscription.updated",
    )
    news = [e for e in life.shop.stripe.events() if e["id"] not in life.heard]
    failed = [e for e in news if e["type"] in kinds][-3:]
    assert sorted(e["type"] for e in failed) == sorted(kinds)
    ends = set()
    before = Subscription.objects.values().get()
    for order in permutations(failed):
        WebhookEvent.objects.filter(event_id__in=[e["id"] for e in failed]).delete()
        Mail.objects.filter(key__startswith="payment_failed:").delete()
        Invoice.objects.filter(status="open").delete()
        Payment.objects.filter(status="failed").delete()
        Subscription.objects.update(**before)
        life.shop.hear(*order)
        life.shop.hear(*order)
        assert not unfinished()
        row = life.row
        mail = Mail.objects.filter(key__startswith="payment_failed:").get()
        ends.add(
            (row.status, row.grace_until, len(failures()), owed().next_attempt_at, mail.template)
            + (json.dumps(mail.context, sort_keys=True),)
        )
    assert len(ends) == 1
    assert json.loads(ends.pop()[-1])["next_attempt_at"] is not None


# --- the end of it --------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["cancel", "unpaid"])
def test_after_the_last_try_access_is_over(life: Life, ending: str):
    life.shop.stripe.control("settings", after_retries=ending)
    life.use_card(DECLINED)
    life.advance(RENEWAL)
    for days in (3.1, 5.1, 7.1):
        life.advance(days)
    assert life.seen["status"] == {"cancel": "canceled", "unpaid": "unpaid"}[ending]
    assert life.access["access"] is False
    assert len(failures()) == 4


def test_access_ends_with_the_grace_by_itself(overdue: Life):
    Entitlement.objects.update(expires_at=timezone.now())
    Subscription.objects.update(grace_until=timezone.now())
    assert overdue.access["access"] is False
    assert sweeping.sweep()["grace_ended"] == 1
    assert sweeping.sweep()["grace_ended"] == 0


def test_what_an_ended_subscription_owed_is_void(overdue: Life):
    overdue.do("cancel", at_period_end=False)
    assert sweeping.sweep()["invoices_closed"] == 1
    overdue.hear()
    invoice = Invoice.objects.latest("created_at")
    assert invoice.status == "void"
    assert sweeping.sweep()["invoices_closed"] == 0
    overdue.advance(20)
    assert len(failures()) == 1


def test_who_has_canceled_is_not_asked_again_but_may_pay(overdue: Life):
    overdue.do("cancel")
    assert sweeping.sweep()["invoices_closed"] == 1
    overdue.advance(10)
    assert (len(failures()), owed().next_attempt_at) == (1, None)
    overdue.use_card("4242424242424242")
    assert pay(overdue).json()["status"] == "paid"


# --- paying ---------------------------------------------------------------------------------------


def test_with_a_new_card_it_is_paid_at_once(overdue: Life):
    overdue.use_card("4242424242424242")
    answer = pay(overdue, key="once")
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["status"], answer.json()["url"]) == ("paid", None)
    assert answer.json()["subscription"]["status"] == "active"
    right = Entitlement.objects.get(user=overdue.user, revoked_at=None)
    assert right.expires_at is None
    assert pay(overdue, key="once").json()["status"] == "paid"
    overdue.hear()
    assert Payment.objects.filter(status="succeeded").count() == 2
    assert [i["status"] for i in overdue.invoices()] == ["paid", "paid"]


def test_access_that_was_lost_returns_once_it_is_paid(overdue: Life):
    Entitlement.objects.update(expires_at=timezone.now())
    Subscription.objects.update(grace_until=timezone.now())
    sweeping.sweep()
    overdue.use_card("4242424242424242")
    assert pay(overdue).json()["status"] == "paid"
    overdue.hear()
    assert overdue.access["access"] is True
    assert Entitlement.objects.filter(user=overdue.user).count() == 2
    assert overdue.user.api_keys.get().status == "unrevealed"


def test_a_card_that_is_declined_says_so(overdue: Life):
    answer = pay(overdue)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (402, "payment_refused")
    assert "declined" in error["detail"]
    overdue.hear()
    assert len(failures()) == 2
    assert owed().attempt_count == 1
    assert overdue.seen["status"] == "past_due"


def test_a_bank_that_asks_is_answered_on_the_invoice_s_page(overdue: Life):
    overdue.use_card(ASKING)
    told = pay(overdue).json()
    assert told["status"] == "action_needed"
    assert told["url"] == owed().hosted_url
    intent = Payment.objects.get(invoice_id=owed().provider_id).provider_id
    overdue.shop.stripe.control(f"payment_intents/{intent}/authenticate", succeed=True)
    overdue.hear()
    assert overdue.seen["status"] == "active"


def test_nothing_is_paid_where_nothing_is_due(life: Life, bob: User):
    assert pay(life).json()["errors"][0]["code"] == "nothing_due"
    answer = life.shop.client(bob).post("/api/v1/subscription/pay")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "nothing_due")


def test_a_retry_of_the_provider_at_the_same_moment_is_no_harm(overdue: Life):
    """It was paid in between, and we have not heard of it."""
    overdue.use_card("4242424242424242")
    overdue.pass_time(3.1)
    assert pay(overdue).json()["status"] == "paid"
    overdue.hear()
    assert Payment.objects.filter(status="succeeded").count() == 2


def test_two_clicks_pay_once(overdue: Life):
    overdue.use_card("4242424242424242")

    def click(_: int) -> int:
        try:
            api = overdue.shop.client(overdue.user)
            return int(api.post("/api/v1/subscription/pay").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as crowd:
        codes = list(crowd.map(click, range(6)))
    assert set(codes) <= {200, 409}
    assert 200 in codes
    assert Operation.objects.filter(kind="invoice.pay").count() == 1
    asked = [r for r in overdue.shop.stripe.requests() if r["path"].endswith("/pay")]
    assert len(asked) == 1


def test_an_answer_that_was_lost_is_looked_up(overdue: Life):
    overdue.use_card("4242424242424242")
    overdue.shop.stripe.control(
        "faults", match=r"POST /v1/invoices/[^/]+/pay", mode="reset_after", times=9
    )
    answer = pay(overdue)
    overdue.shop.stripe.http.delete("/_sandbox/faults")
    if answer.status_code != 200:
        Operation.objects.filter(kind="invoice.pay").update(due_at=timezone.now())
        sweeping.sweep()
    assert overdue.seen["status"] == "active"
    overdue.hear()
    assert Payment.objects.filter(status="succeeded").count() == 2


# --- who hears of it ------------------------------------------------------------------------------


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


# --- pages ----------------------------------------------------------------------------------------


@pytest.fixture
def browser(overdue: Life) -> Client:
    browser = Client()
    browser.force_login(overdue.user)
    return browser


def test_the_page_says_what_happened_and_what_to_do(overdue: Life, browser: Client):
    page = browser.get("/").content.decode()
    assert "Your bank declined" in page
    assert "Your card was declined." in page
    assert "try again on" in page
    assert "You keep access until" in page
    assert "now</button>" in page


def test_the_button_pays(overdue: Life, browser: Client):
    overdue.use_card("4242424242424242")
    page = browser.post("/subscription/pay", follow=True).content.decode()
    assert "Paid. Thank you" in page
    assert "Your bank declined" not in page


def test_the_button_says_why_it_did_not(overdue: Life, browser: Client):
    page = browser.post("/subscription/pay", follow=True).content.decode()
    assert "Your card was declined." in page


# --- the provider's own page ----------------------------------------------------------------------


def test_the_portal_opens_for_its_owner(life: Life):
    answer = life.api.post(
        "/api/v1/billing-portal-sessions", {"return_url": "http://localhost:8000/done"}
    )
    assert answer.status_code == 201, answer.json()
    assert answer.json().keys() == {"url"}
    page = life.shop.stripe.http.get(answer.json()["url"])
    assert life.user.email in page.text
    assert "http://localhost:8000/done" in page.text


def test_the_portal_leads_back_to_our_own_pages_alone(life: Life):
    answer = life.api.post(
        "/api/v1/billing-portal-sessions", {"return_url": "https://evil.example/"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "origin_not_allowed")


def test_the_same_key_opens_the_same_portal(life: Life):
    def ask(key: str, **body: Any) -> Any:
        headers = {"Idempotency-Key": key}
        return life.api.post("/api/v1/billing-portal-sessions", body, headers=headers)

    first = ask("a").json()
    assert ask("a").json() == first
    assert ask("b").json() != first
    assert ask("a", return_url="http://localhost:8000/x").status_code == 422
    stored = json.dumps(list(Operation.objects.values("provider_id", "wishes")))
    assert first["url"] not in stored


def test_a_cancellation_in_the_portal_is_followed(life: Life):
    url = life.api.post("/api/v1/billing-portal-sessions").json()["url"]
    form = {"action": "cancel", "subscription": life.row.provider_id}
    life.shop.stripe.http.post(url, data=form)
    life.hear()
    assert life.seen["cancel_at_period_end"] is True
