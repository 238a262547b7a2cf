"""What somebody sees who comes back from the provider's page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from billing.checkout import Verified
from billing.models import Order, Plan, Price, Subscription
from billing.outcomes import outcome_of
from sessions_live.models import User
from tests.billing.browsing import text
from tests.billing.conftest import Shop


def look_back(browser: Client, session_id: str, **headers: str) -> Any:
    return browser.get("/checkout/return", {"session_id": session_id}, headers=headers)


def part(browser: Client, path: str) -> Any:
    return browser.get(path, headers={"HX-Request": "true"})


def test_a_paid_checkout_is_active_before_any_webhook(browser: Client, shop: Shop, alice: User):
    page = look_back(browser, shop.buy(alice))
    assert "Pro is active" in text(page)
    assert "hx-trigger" not in page.content.decode()
    assert shop.holdings(alice)["entitlements"] == ["pro"]


def test_a_trial_tells_when_it_ends_and_what_it_costs_then(
    browser: Client, shop: Shop, alice: User
):
    shop.open("pain_tracker")
    page = text(look_back(browser, shop.buy(alice, "basic", interval="year")))
    assert "Your trial of Basic has begun" in page
    assert re.search(r"Free until \d+ \w+ \d{4}, then \$95.90 per year\.", page)


def test_what_is_bought_for_good_is_told_so(browser: Client, shop: Shop, alice: User):
    assert "Lifetime is yours" in text(look_back(browser, shop.buy(alice, "lifetime")))
    assert "Yours for good" in text(browser.get("/"))


def test_an_unpaid_checkout_waits_and_offers_the_way_back(browser: Client, shop: Shop, alice: User):
    session_id = shop.checkout(alice)
    page = look_back(browser, session_id)
    assert "Not paid yet" in text(page)
    assert f'href="{Order.objects.get().url}"' in page.content.decode()
    assert 'hx-trigger="every 3s, payment:update' in page.content.decode()


def test_a_waiting_page_asks_less_and_less_often(browser: Client, shop: Shop, alice: User):
    path = f"/checkout/return?session_id={shop.checkout(alice)}"
    seconds = []
    for _ in range(12):
        page = part(browser, path).content.decode()
        seconds.append(int(re.search(r"every (\d+)s", page)[1]))  # type: ignore[index]
        path = re.search(r'hx-get="([^"]+)"', page)[1].replace("&amp;", "&")  # type: ignore[index]
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (3, 60)


def test_a_part_that_refreshes_is_only_that_part(browser: Client, shop: Shop, alice: User):
    session_id = shop.buy(alice)
    for path in (f"/checkout/return?session_id={session_id}", "/"):
        answer = part(browser, path).content.decode()
        assert "Pro" in answer
        assert "<html" not in answer


def test_an_expired_checkout_offers_another_try(browser: Client, shop: Shop, alice: User):
    session_id = shop.checkout(alice)
    shop.stripe.stripe.post(f"/v1/checkout/sessions/{session_id}/expire").raise_for_status()
    page = look_back(browser, session_id)
    assert "This checkout has expired" in text(page)
    assert '<a class="button" href="/pricing">Try again</a>' in page.content.decode()


def test_while_the_provider_is_down_the_page_keeps_looking(
    browser: Client, shop: Shop, alice: User
):
    session_id = shop.buy(alice)
    shop.stripe.control("faults", match="GET /v1/*", mode="status", status=500, times=20)
    page = look_back(browser, session_id)
    assert page.status_code == 200
    assert "We are still checking" in text(page)
    assert "hx-trigger" in page.content.decode()
    shop.stripe.http.delete("/_sandbox/faults")
    assert "Pro is active" in text(look_back(browser, session_id))


@pytest.mark.parametrize("session_id", ["", "cs_test_unknown", "cs\0", "a b", "x" * 300])
def test_an_unknown_checkout_is_not_found(browser: Client, session_id: str):
    page = look_back(browser, session_id)
    assert page.status_code == 404
    assert "There is no such page" in text(page)


def test_somebody_elses_checkout_is_not_found(browser: Client, shop: Shop, bob: User):
    assert look_back(browser, shop.buy(bob)).status_code == 404


def test_whoever_is_signed_out_meanwhile_is_sent_to_sign_in(shop: Shop):
    path = "/checkout/return?session_id=cs_1"
    there = "/sign-in?next=/checkout/return%3Fsession_id%3Dcs_1"
    assert Client().get(path)["Location"] == there
    assert part(Client(), path)["HX-Redirect"] == there


@pytest.mark.parametrize(
    ("ours", "theirs", "paid", "kind", "title"),
    [
        ("pending", "complete", "unpaid", "waiting", "Your payment is being processed"),
        ("pending", "open", "unpaid", "waiting", "Not paid yet"),
        ("pending", "expired", "unpaid", "failed", "This checkout has expired"),
        ("expired", "expired", "unpaid", "failed", "This checkout has expired"),
        ("failed", "complete", "unpaid", "failed", "The payment failed"),
        ("completed", "complete", "paid", "waiting", "Almost there"),
    ],
)
def test_every_state_of_an_order_has_its_words(
    ours: str, theirs: str, paid: str, kind: str, title: str
):
    price = Price(plan=Plan(name="Pro"), interval="month", amount=100, currency="usd")
    order = Order(status=ours, price=price)
    outcome = outcome_of(Verified(order, theirs, paid, None))
    assert (outcome.kind, outcome.title) == (kind, title)


@pytest.mark.parametrize("status", Subscription.Status.values)
def test_every_state_of_a_subscription_has_its_words(status: str):
    price = Price(plan=Plan(name="Pro"), interval="month", amount=100, currency="usd")
    subscription = Subscription(
        status=status, plan=price.plan, interval="month", amount=100, currency="usd"
    )
    outcome = outcome_of(
        Verified(Order(status="completed", price=price), "complete", "paid", subscription)
    )
    assert outcome.kind == ("done" if subscription.is_live else "failed")
    assert "None" not in f"{outcome.title} {outcome.text}"
