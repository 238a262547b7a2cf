"""The sale as a person sees it: our pages, the hosted one, and back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.buyer import ASKING_CARD, DECLINED_CARD, Buyer
from tests.product import Product
from tests.waiting import eventually

RETURN = re.compile(r"/checkout/return\?session_id=cs_")


def test_a_plan_is_chosen_paid_and_active(buyer: Buyer, page: Page):
    buyer.choose().pay()
    expect(page).to_have_url(RETURN)
    expect(buyer.heading).to_have_text("Pro is active")
    assert buyer.has() == (1, 1)
    page.get_by_role("link", name="Go to billing").click()
    expect(page.get_by_text("Renews on")).to_be_visible()
    expect(page.get_by_role("cell", name="Paid")).to_be_visible()


def test_a_trial_starts_without_a_payment(buyer: Buyer, page: Page):
    buyer.choose("Start 14-day trial of Team").pay(button="Start trial")
    expect(buyer.heading).to_have_text("Your trial of Team has begun")
    expect(page.get_by_text(re.compile(r"Free until .+, then \$197.00 per month"))).to_be_visible()
    assert buyer.has() == (1, 1)


def test_a_declined_card_is_told_in_words_and_gives_nothing(buyer: Buyer, page: Page):
    buyer.choose().pay(DECLINED_CARD)
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    assert buyer.has() == (0, 0)
    page.get_by_role("link", name="Cancel").click()
    expect(buyer.heading).to_have_text("Plans and prices")
    page.goto("/")
    expect(page.get_by_text("Your card was declined.")).to_be_visible()
    assert buyer.has() == (0, 0)


def test_after_a_declined_card_another_one_pays(buyer: Buyer, page: Page):
    buyer.choose().pay(DECLINED_CARD)
    expect(page.get_by_role("alert")).to_be_visible()
    buyer.pay()
    expect(buyer.heading).to_have_text("Pro is active")
    assert buyer.has() == (1, 1)


def test_a_card_that_asks_for_its_owner_pays_after_the_answer(buyer: Buyer, page: Page):
    buyer.choose().pay(ASKING_CARD)
    expect(buyer.heading).to_have_text("Is this you?")
    assert buyer.has() == (0, 0)
    page.get_by_role("button", name="Complete").click()
    expect(buyer.heading).to_have_text("Pro is active")
    assert buyer.has() == (1, 1)


def test_an_owner_who_says_no_pays_nothing(buyer: Buyer, page: Page):
    buyer.choose().pay(ASKING_CARD)
    page.get_by_role("button", name="Fail").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert buyer.has() == (0, 0)


def test_a_stranger_who_chooses_comes_back_to_the_plan(page: Page, shop: Product):
    page.goto("/pricing")
    page.get_by_role("button", name="Choose Pro").click()
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Email").fill("stranger@browser.example")
    page.get_by_label("Password").fill("four wandering geese")
    page.get_by_role("button", name="Create account").click()
    expect(page).to_have_url(f"{shop.url}/pricing?interval=month#pro")
    expect(page.get_by_text("stranger@browser.example")).to_be_visible()


def test_an_item_whose_payment_failed_is_tried_again_from_its_page(buyer: Buyer, page: Page):
    page.goto("/items")
    page.get_by_role("button", name="Buy Neon skin").click()
    buyer.pay(DECLINED_CARD, button="Pay")
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    page.goto("/payments")
    eventually(lambda: page.reload() and page.locator("td a").count() == 1, within=20)
    page.locator("td a").click()
    page.get_by_role("link", name="Try again").click()
    buyer.pay(button="Pay")
    expect(buyer.heading).to_have_text("Neon skin is yours")


class TestWithoutJavaScript:
    @pytest.fixture
    def settings_of_browser(self) -> dict[str, Any]:
        return {"java_script_enabled": False}

    def test_a_plan_is_bought_all_the_same(self, buyer: Buyer):
        buyer.choose().pay()
        expect(buyer.heading).to_have_text("Pro is active")
        assert buyer.has() == (1, 1)


class TestOnATelephone:
    @pytest.fixture
    def settings_of_browser(self) -> dict[str, Any]:
        return {"viewport": {"width": 390, "height": 844}, "is_mobile": True}

    def test_no_page_is_wider_than_the_screen(self, buyer: Buyer, page: Page):
        buyer.choose().pay()
        expect(buyer.heading).to_have_text("Pro is active")
        for path in (page.url, "/", "/pricing"):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
