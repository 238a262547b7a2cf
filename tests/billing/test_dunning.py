"""A renewal that fails: what is kept of it, how it ends, and how it is paid after all."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from billing import sweeping
from billing.mails.models import Mail
from billing.models import Entitlement, Invoice, Payment, Subscription
from billing.operations.models import Operation
from billing.webhooks.models import WebhookEvent
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished
from tests.billing.life import Life
from tests.billing.overdue import (
    ASKING,
    DECLINED,
    RENEWAL,
    failures,
    miss_the_renewal,
    owed,
    pay,
)


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop, alice)


@pytest.fixture
def overdue(life: Life) -> Life:
    return miss_the_renewal(life)


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
