"""What the bank asks about, a larger plan or the end of a pause: asked, put off, and confirmed."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.buyer import Buyer
from tests.product import Product
from tests.waiting import eventually

ALWAYS_ASKS = "4000002760003184"
PLAN = """
    SELECT p.tier FROM billing_subscription s
    JOIN billing_plan p ON p.id = s.plan_id
    JOIN sessions_live_user u ON u.id = s.user_id WHERE u.email = %s
"""
CUSTOMER = """
    SELECT c.provider_id FROM billing_customer c
    JOIN sessions_live_user u ON u.id = c.user_id WHERE u.email = %s
"""
STATUS = """
    SELECT s.status FROM billing_subscription s
    JOIN sessions_live_user u ON u.id = s.user_id WHERE u.email = %s
"""


def test_the_page_leads_to_the_bank_and_the_plan_begins_after_its_yes(
    buyer: Buyer, page: Page, shop: Product
):
    buyer.choose("Choose Pro").pay()
    expect(buyer.heading).to_have_text("Pro is active")
    customer = shop.value(CUSTOMER, buyer.email)
    shop.stripe.control(f"customers/{customer}/card", card=ALWAYS_ASKS).raise_for_status()

    page.goto("/subscription/change?tier=team&interval=month")
    page.get_by_role("button", name=re.compile(r"Pay \$\d+\.\d\d and change")).click()
    page.wait_for_url(f"{shop.stripe.url}/invoices/**")

    page.goto("/")
    waits = page.locator("#awaited")
    expect(waits).to_contain_text("before you change to Team")
    expect(waits).to_contain_text("Until then you keep Pro, and nothing is charged")
    assert shop.value(PLAN, buyer.email) == "pro"
    waits.get_by_role("link", name="Confirm the payment").click()
    page.get_by_role("link", name="Confirm payment").click()
    page.get_by_role("button", name="Complete").click()
    expect(page.get_by_text("This payment is now: succeeded.")).to_be_visible()

    eventually(lambda: shop.value(PLAN, buyer.email) == "team", within=20)
    page.goto("/")
    expect(page.get_by_text("Team", exact=False).first).to_be_visible()
    expect(page.locator("#awaited")).to_have_count(0)


def test_who_resumes_is_led_to_the_bank_and_goes_on_after_its_yes(
    buyer: Buyer, page: Page, shop: Product
):
    buyer.choose("Choose Pro").pay()
    expect(buyer.heading).to_have_text("Pro is active")
    page.goto("/subscription/pause")
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_text("Pro is paused")).to_be_visible()
    shop.stripe.control("clock", advance_seconds=40 * 86400).raise_for_status()
    customer = shop.value(CUSTOMER, buyer.email)
    shop.stripe.control(f"customers/{customer}/card", card=ALWAYS_ASKS).raise_for_status()

    page.goto("/subscription/resume")
    page.get_by_role("button", name="Resume it").click()
    page.wait_for_url(f"{shop.stripe.url}/invoices/**")
    page.goto("/subscription")
    waits = page.locator("#awaited")
    expect(waits).to_contain_text("before Pro goes on. Until then it stays paused")
    waits.get_by_role("link", name="Confirm the payment").click()
    page.get_by_role("link", name="Confirm payment").click()
    page.get_by_role("button", name="Complete").click()
    expect(page.get_by_text("This payment is now: succeeded.")).to_be_visible()

    eventually(lambda: shop.value(STATUS, buyer.email) == "active", within=20)
    page.goto("/subscription")
    expect(page.get_by_text("Resumed")).to_be_visible()
    expect(page.locator("#awaited")).to_have_count(0)
