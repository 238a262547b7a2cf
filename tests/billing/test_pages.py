from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from billing.checkout import Verified
from billing.models import Interval, Order, Plan, Price, ProviderPrice, Subscription
from billing.outcomes import outcome_of
from billing.storefront import saving_percent
from config.security import hosted_pages
from sessions_live.models import User
from tests.billing.conftest import Shop

CHOICE = {"tier": "pro", "interval": "month"}


@pytest.fixture
def browser(alice: User) -> Client:
    """Alice's, signed in."""
    browser = Client()
    browser.force_login(alice)
    return browser


def text(answer: Any) -> str:
    """A page's words, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def look_back(browser: Client, session_id: str, **headers: str) -> Any:
    return browser.get("/checkout/return", {"session_id": session_id}, headers=headers)


def part(browser: Client, path: str) -> Any:
    return browser.get(path, headers={"HX-Request": "true"})


# --- pricing ------------------------------------------------------------------------------------


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


# --- the return page ----------------------------------------------------------------------------


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


# --- the start ----------------------------------------------------------------------------------


def test_a_stranger_is_shown_the_way_to_the_plans(shop: Shop):
    page = Client().get("/").content.decode()
    assert 'href="/pricing"' in page
    assert 'href="/sign-up"' in page


def test_whoever_has_nothing_is_told_so(browser: Client):
    page = text(browser.get("/"))
    assert "Free" in page
    assert "You have not bought anything yet" in page
    assert "No payments yet" in page


def test_the_start_shows_the_plan_the_next_date_and_the_payments(
    browser: Client, shop: Shop, alice: User
):
    shop.buy(alice)
    shop.hear()
    page = text(browser.get("/"))
    assert re.search(r"Pro Active Renews on \d+ \w+ \d{4} for \$97\.00\.", page)
    assert "Backtesting" in page
    assert "Paid $97.00" in page


@pytest.mark.parametrize("first", ["invoice.payment_failed", "payment_intent.payment_failed"])
def test_a_declined_card_is_listed_with_the_reason(
    browser: Client, shop: Shop, alice: User, first: str
):
    shop.stripe.pay(shop.checkout(alice), "4000000000000002")
    shop.hear(*sorted(shop.stripe.events(), key=lambda each: each["type"] != first))
    page = text(browser.get("/"))
    assert "Failed Your card was declined. $97.00" in page
    assert "Pro Incomplete The first payment is not complete yet." in page
    assert "Choose a plan" in page


def test_the_card_that_was_declined_is_not_named_as_the_one_that_paid(
    browser: Client, shop: Shop, alice: User
):
    session_id = shop.checkout(alice)
    shop.stripe.pay(session_id, "4000000000000002")
    shop.hear()
    shop.stripe.pay(session_id).raise_for_status()
    shop.hear()
    page = text(browser.get("/"))
    assert "Paid $97.00" in page
    assert "0002" not in page


def test_signing_out_needs_a_post(browser: Client):
    assert browser.get("/sign-out").status_code == 405
    assert '<form method="post" action="/sign-out">' in browser.get("/").content.decode()


# --- every page ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/pricing", "/sign-in", "/sign-up", "/no-such-page"])
def test_no_page_has_code_or_looks_of_its_own(browser: Client, shop: Shop, path: str):
    for someone in (browser, Client()):
        page = someone.get(path, follow=True).content.decode()
        assert "Quantum Falcon" in page or "Pain Tracker" in page
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
        assert not re.search(r'(src|href)="(https?:)?//', page)


def test_whatever_renews_itself_drops_the_answer_it_no_longer_waits_for():
    """News come in bursts; an older answer must not be shown over a newer one."""
    renewing = [
        (path.name, tag)
        for path in Path(settings.BASE_DIR, "templates").rglob("*.html")
        for tag in re.findall(
            r"<\w+(?:[^<>]|{%[^%]*%})*hx-get=(?:[^<>]|{%[^%]*%})*>", path.read_text()
        )
    ]
    assert len(renewing) >= 6
    assert [name for name, tag in renewing if 'hx-sync="this:replace"' not in tag] == []


STRIPE_S_PAGES = (
    "https://checkout.stripe.com",
    "https://billing.stripe.com",
    "https://invoice.stripe.com",
    "https://connect.stripe.com",
)


def test_forms_may_only_lead_to_ourselves_and_to_hosted_pages(shop: Shop):
    policy = Client().get("/pricing")["Content-Security-Policy"]
    assert f"form-action 'self' {' '.join(STRIPE_S_PAGES)} {shop.stripe.url}" in policy
    assert "unsafe" not in policy


def test_without_a_stand_in_only_the_real_hosted_pages_are_allowed():
    assert hosted_pages("") == STRIPE_S_PAGES


def test_pages_of_one_person_are_not_kept_for_another(browser: Client, shop: Shop):
    for path in ("/", "/pricing"):
        assert "no-store" in browser.get(path)["Cache-Control"]


def test_a_broken_page_looks_like_the_others(browser: Client, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("billing.entitlements.access_of", broken)
    browser.raise_request_exception = False
    page = browser.get("/")
    assert page.status_code == 500
    assert "Something broke on our side" in text(page)
    assert "RuntimeError" not in text(page)
