"""Where somebody starts, and what holds on every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from config.security import hosted_pages
from sessions_live.models import User
from tests.billing.browsing import text
from tests.billing.conftest import Shop


# --- the start ------------------------------------------------------------------------------------
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


# --- every page -----------------------------------------------------------------------------------
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


@pytest.mark.parametrize(
    ("path", "tab"),
    [
        ("/subscription", "Billing"),
        ("/invoices", "Billing"),
        ("/escrow/new", "Escrow"),
        ("/wallet/onboarding", "Wallet"),
    ],
)
def test_the_tab_of_what_is_being_done_is_marked(browser: Client, path: str, tab: str):
    page = browser.get(path).content.decode()
    assert re.findall(r'aria-current="page">([^<]+)<', page) == [tab]


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
