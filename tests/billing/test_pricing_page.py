"""What is for sale, and the way to its checkout."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from billing.models import Interval, Order, Plan, Price, ProviderPrice
from billing.storefront import saving_percent
from sessions_live.models import User
from tests.billing.browsing import text
from tests.billing.conftest import Shop

CHOICE = {"tier": "pro", "interval": "month"}


def test_everybody_sees_every_plan_with_its_price(shop: Shop):
    seen = text(Client().get("/pricing"))
    for words in ("Starter", "$19.00 per month", "Lifetime", "$8,000.00 once", "All strategies"):
        assert words in seen


def test_a_plan_shows_its_trial_its_year_and_its_quotas(shop: Shop):
    shop.open("pain_tracker")
    monthly, yearly = (
        text(Client().get(f"/pricing?interval={each}")) for each in ("month", "year")
    )
    assert "14 days free, then $9.99 per month" in monthly
    assert "14 days free, then $95.90 per year" in yearly
    assert "Pain entry Unlimited" in monthly
    assert "up to 20&nbsp;% less" in monthly


def test_whoever_is_not_signed_in_comes_back_to_the_plan(shop: Shop, alice: User):
    stranger = Client()
    answer = stranger.post("/checkout/start", CHOICE)
    assert answer["Location"] == "/sign-in?next=/pricing%3Finterval%3Dmonth%23pro"
    alice.set_password("four wandering geese")
    alice.save()
    signed_in = stranger.post(
        answer["Location"],
        {
            "username": alice.email,
            "password": "four wandering geese",
            "next": "/pricing?interval=month#pro",
        },
    )
    assert signed_in["Location"] == "/pricing?interval=month#pro"
    assert not Order.objects.exists()


def test_choosing_a_plan_leads_to_the_hosted_page(browser: Client, shop: Shop, alice: User):
    answer = browser.post("/checkout/start", CHOICE)
    order = Order.objects.get(user=alice)
    assert (answer.status_code, answer["Location"]) == (302, order.url)
    assert order.url.startswith(shop.stripe.url)


def test_choosing_needs_a_post(browser: Client, shop: Shop):
    assert browser.get("/checkout/start", CHOICE).status_code == 405


def test_choosing_needs_the_forms_token(alice: User):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    answer = strict.post("/checkout/start", CHOICE)
    assert answer.status_code == 403
    assert "This form is out of date" in text(answer)


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"tier": "pro\0", "interval": "month"},
        {"tier": "pro", "interval": "week"},
        {"tier": "no-such-plan", "interval": "month"},
        {"tier": "pro", "interval": "year"},
    ],
)
def test_a_choice_that_is_not_for_sale_is_told_in_words(browser: Client, choice: dict[str, str]):
    answer = browser.post("/checkout/start", choice, follow=True)
    assert answer.status_code == 200
    assert answer.request["PATH_INFO"] == "/pricing"
    assert 'role="alert"' in answer.content.decode()
    assert not Order.objects.exists()


def test_a_second_subscription_is_refused_in_words(browser: Client, shop: Shop, alice: User):
    shop.look_back(alice, shop.buy(alice))
    answer = browser.post("/checkout/start", {**CHOICE, "tier": "starter"}, follow=True)
    assert "change or cancel it instead of buying again" in text(answer)


def test_a_subscriber_is_shown_what_they_have_and_no_second_one(
    browser: Client, shop: Shop, alice: User
):
    shop.look_back(alice, shop.buy(alice))
    page = browser.get("/pricing")
    assert "You have Pro." in text(page)
    assert "You use this plan now." in text(page)
    # What is held for good may still be bought.
    assert re.findall(r'name="tier" value="(\w+)"', page.content.decode()) == ["lifetime"]


def test_a_price_that_the_provider_changed_is_not_sold(browser: Client, shop: Shop):
    ProviderPrice.objects.update(in_step=False)
    answer = browser.post("/checkout/start", CHOICE, follow=True)
    assert "cannot be bought right now" in text(answer)


def test_a_provider_that_is_down_is_told_in_words(browser: Client, shop: Shop):
    shop.stripe.control("faults", match="POST /v1/*", mode="status", status=500, times=20)
    answer = browser.post("/checkout/start", CHOICE, follow=True)
    assert "The payment provider did not answer" in text(answer)


def test_a_year_never_promises_more_than_it_saves():
    plan = Plan()
    plan.offers = [  # type: ignore[attr-defined]
        Price(interval=Interval.MONTH, amount=999),
        Price(interval=Interval.YEAR, amount=9600),
    ]
    assert saving_percent(plan) == 19
