"""A trial, the renewal that fails, a new card on the provider's page, and all is well again."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.buyer import Buyer
from tests.product import Product
from tests.waiting import eventually

DAY = 86400
FAILS_LATER = "4000000000000341"
SHOTS = os.environ.get("SCREENSHOTS")


def shoot(page: Page, name: str) -> None:
    """For whoever wants to look: SCREENSHOTS names a folder."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def is_owed(shop: Product, email: str) -> bool:
    """All three events of the failure have come: the payment's, the invoice's, the plan's."""
    query = (
        "SELECT count(*) FROM billing_subscription s"
        " JOIN sessions_live_user u ON u.id = s.user_id"
        " JOIN billing_invoice i ON i.provider_subscription_id = s.provider_id"
        " JOIN billing_payment p ON p.invoice_id = i.provider_id"
        " JOIN billing_paymentattempt a ON a.payment_id = p.id"
        " WHERE u.email = %s AND s.status = 'past_due' AND i.attempt_count = 1"
    )
    return bool(shop.value(query, email))


def test_from_a_trial_over_a_failed_renewal_to_a_new_card(buyer: Buyer, page: Page, shop: Product):
    buyer.choose("Start 14-day trial of Team").pay(FAILS_LATER, button="Start trial")
    expect(buyer.heading).to_have_text("Your trial of Team has begun")

    shop.stripe.control("clock", advance_seconds=int(14.1 * DAY))
    eventually(lambda: is_owed(shop, buyer.email), within=20)
    page.goto("/")
    owed = page.locator("#owed")
    expect(owed).to_contain_text("Your bank declined $197.00 on Visa •••• 0341")
    expect(owed).to_contain_text("Your card was declined.")
    expect(owed).to_contain_text(re.compile("We have tried once, and try again on .+ 20"))
    expect(owed).to_contain_text("You keep access until")
    shoot(page, "1-past-due")

    page.get_by_role("button", name="Pay $197.00 now").click()
    expect(page.get_by_text(re.compile("Your card was declined.+use another card"))).to_be_visible()
    shoot(page, "2-declined-again")

    page.get_by_role("button", name="Use another card").click()
    page.wait_for_url(f"{shop.stripe.url}/portal/**")
    page.get_by_text("Change card").click()
    card = {"Card number": "4242424242424242", "Expiry": "12 / 34", "CVC": "123"}
    for label, value in (card | {"Name on card": "Bea Buyer"}).items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Save card").click()
    expect(page.get_by_text("…4242")).to_be_visible()
    shoot(page, "3-portal")
    page.get_by_role("link", name="Return").click()
    page.wait_for_url(shop.url + "/")

    page.get_by_role("button", name="Pay $197.00 now").click()
    expect(page.get_by_text("Paid. Thank you")).to_be_visible()
    expect(page.locator("#owed")).to_have_count(0)
    expect(page.get_by_text("Renews on")).to_be_visible()
    shoot(page, "4-active")
    assert buyer.has() == (1, 1)
