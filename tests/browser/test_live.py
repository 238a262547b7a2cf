"""Pages that hear of what happens: by the socket at once, and by asking where there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.buyer import Buyer
from tests.product import Product


@pytest.fixture
def paid_in_the_dark(shop: Product, buyer: Buyer, page: Page) -> Callable[[], None]:
    """On the return page, while the provider neither tells nor answers; what it gives back lets
    it tell."""
    shop.stripe.control("deliveries", mode="hold")
    shop.stripe.control(
        "faults", match="GET /v1/checkout/sessions/*", mode="status", status=500, times=1000
    )
    buyer.choose().pay()
    expect(buyer.heading).to_have_text("We are still checking")
    assert buyer.has() == (0, 0)

    def tell() -> None:
        shop.stripe.control("deliveries/flush").raise_for_status()

    return tell


def test_a_late_webhook_shows_without_a_reload(
    buyer: Buyer, page: Page, paid_in_the_dark: Callable[[], None]
):
    # A page that has looked often asks once a minute: what comes sooner, the socket brings.
    page.goto(f"{page.url}&looks=9")
    expect(page.locator("#outcome")).to_have_attribute("hx-trigger", re.compile("every 60s"))
    expect(page.locator("body")).to_have_attribute("data-live-state", "on")
    page.evaluate("window.notReloaded = true")
    paid_in_the_dark()
    expect(buyer.heading).to_have_text("Pro is active", timeout=15_000)
    expect(page.get_by_role("status").get_by_text("Payment received")).to_be_visible()
    assert page.evaluate("window.notReloaded")
    assert buyer.has() == (1, 1)


def test_without_a_socket_the_page_asks_by_itself(buyer: Buyer, page: Page, shop: Product):
    page.route_web_socket("**/ws/payments", lambda socket: socket.close(code=4403))
    session = buyer.choose().page.url
    page.goto(f"/checkout/return?session_id={session.rsplit('/', 1)[1]}")
    expect(buyer.heading).to_have_text("Not paid yet")
    expect(page.locator("body")).to_have_attribute("data-live-state", "off")
    page.evaluate("window.notReloaded = true")
    shop.stripe.pay(session.rsplit("/", 1)[1]).raise_for_status()
    expect(buyer.heading).to_have_text("Pro is active", timeout=15_000)
    assert page.evaluate("window.notReloaded")


def test_billing_shows_a_payment_when_it_happens(buyer: Buyer, page: Page, shop: Product):
    session = buyer.choose().page.url.rsplit("/", 1)[1]
    page.goto("/")
    expect(page.get_by_text("No payments yet")).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-live-state", "on")
    shop.stripe.pay(session).raise_for_status()
    expect(page.get_by_role("cell", name="$97.00")).to_be_visible()
    expect(page.get_by_text("Pro Active")).to_be_visible(timeout=10_000)


def test_a_restarted_server_is_found_again_and_tells_what_was_missed(
    buyer: Buyer, page: Page, shop: Product
):
    session = buyer.choose().page.url.rsplit("/", 1)[1]
    page.goto("/")
    body = page.locator("body")
    expect(body).to_have_attribute("data-live-state", "on")
    dead = shop.kill("web")
    expect(body).to_have_attribute("data-live-state", "off")
    shop.wait_until_replaced("web", dead)
    shop.stripe.pay(session).raise_for_status()
    expect(body).to_have_attribute("data-live-state", "on", timeout=20_000)
    expect(page.get_by_role("cell", name="$97.00")).to_be_visible(timeout=15_000)


def test_notes_pile_up_and_go_by_themselves_or_by_hand(buyer: Buyer, page: Page):
    page.clock.install()
    page.goto("/")
    page.clock.pause_at(timezone.now() + timedelta(hours=1))
    notes = page.locator(".toast")
    for words in ("One", "Two", "Three"):
        page.evaluate(
            "async (words) => (await import(document.querySelector('script[type=module]').src))"
            ".toast(words)",
            words,
        )
    expect(notes).to_have_text(["One×", "Two×", "Three×"])
    notes.first.get_by_role("button", name="Dismiss").click()
    expect(notes).to_have_count(2)
    page.clock.run_for(4_900)
    expect(notes).to_have_count(2)
    page.clock.run_for(200)
    expect(notes).to_have_count(0)
