"""Two browsers of one person, who sees each of them in the other."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.browser.buyer import Buyer
from tests.product import Product

PIXEL = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Mobile Safari/537.36"
)


@pytest.fixture
def settings_of_browser() -> dict[str, Any]:
    return {"locale": "en-US"}


@pytest.fixture
def phone(chromium: Browser, shop: Product) -> Iterator[Page]:
    context = chromium.new_context(base_url=shop.url, user_agent=PIXEL)
    yield context.new_page()
    context.close()


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill("four wandering geese")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def is_live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_text("Live", timeout=20_000)


def test_a_sign_in_appears_is_revoked_and_is_thrown_out_and_told_why(
    buyer: Buyer, page: Page, phone: Page
):
    asked: list[str] = []

    def note_and_accept(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.goto("/sessions")
    rows = page.locator("tr[data-session]")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("This device")
    expect(rows.first).to_contain_text("Online")
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    page.evaluate("window.notReloaded = true")

    sign_in(phone, buyer.email)
    is_live(phone)
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("Chrome on Android")
    expect(rows.last).to_contain_text("Online")
    expect(page.get_by_role("status").get_by_text("New sign-in: Chrome on Android")).to_be_visible()

    page.on("dialog", note_and_accept)
    page.evaluate("addEventListener('submit', () => (window.revoked = Date.now()), true)")
    rows.last.get_by_role("button", name="Sign out Chrome on Android").click()
    phone.wait_for_url("**/sign-in?next=%2F")
    # From the question that is answered to the page being left: how long the next one then takes
    # to be drawn is not of interest.
    took = phone.evaluate("performance.timeOrigin") - page.evaluate("window.revoked")
    expect(phone.get_by_role("alert")).to_contain_text("signed out from another one of yours")
    expect(rows).to_have_count(1)
    expect(page.get_by_role("status").get_by_text("Signed out Chrome on Android")).to_be_visible()
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    assert asked == ["Sign out Chrome on Android?"]
    assert page.evaluate("window.notReloaded")
    assert took < 1_000, f"thrown out after {took:.0f} ms"


def test_the_own_device_comes_first_and_then_who_was_active_last(
    buyer: Buyer, page: Page, phone: Page, shop: Product
):
    page.goto("/sessions")
    is_live(page)
    sign_in(phone, buyer.email)
    shop.sign_in(buyer.email, "four wandering geese")
    names = page.locator("tr[data-session] strong")
    expect(names).to_have_count(3)
    live = names.all_inner_texts()
    assert live[2] == "Chrome on Android"
    page.reload()
    expect(names).to_have_text(live)


def test_a_device_goes_off_and_online(buyer: Buyer, page: Page, phone: Page):
    sign_in(phone, buyer.email)
    page.goto("/sessions")
    other = page.locator("tr[data-session]").last
    expect(other).to_contain_text("Online", timeout=10_000)
    phone.goto("about:blank")
    expect(other).to_contain_text("Offline", timeout=20_000)
    phone.goto("/")
    expect(other).to_contain_text("Online", timeout=10_000)


def test_a_question_that_is_declined_ends_nothing(buyer: Buyer, page: Page, phone: Page):
    sign_in(phone, buyer.email)
    page.goto("/sessions")
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.locator("tr[data-session]")).to_have_count(2)


@pytest.mark.parametrize("shop_of", ["scripts", "no scripts"])
def test_everything_else_is_signed_out_also_without_scripts(
    chromium: Browser, shop: Product, buyer: Buyer, phone: Page, shop_of: str
):
    sign_in(phone, buyer.email)
    plain = chromium.new_context(base_url=shop.url, java_script_enabled=shop_of == "scripts")
    page = plain.new_page()
    sign_in(page, buyer.email)
    page.goto("/sessions")
    page.on("dialog", lambda dialog: dialog.accept())
    expect(page.locator("tr[data-session]")).to_have_count(3)
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("Signed out everywhere else (2)")).to_be_visible()
    expect(page.locator("tr[data-session]")).to_have_count(1)
    phone.goto("/sessions")
    expect(phone.get_by_role("heading", name="Sign in")).to_be_visible()
    plain.close()


def test_a_restarted_redis_and_a_killed_server_leave_both_without_a_missed_event(
    buyer: Buyer, page: Page, phone: Page, shop: Product
):
    sign_in(phone, buyer.email)
    both = (page, phone)
    third = shop.sign_in(buyer.email, "four wandering geese")
    pro, lifetime = third.checkout("pro"), third.checkout("lifetime")
    for each in both:
        each.goto("/")
        is_live(each)
        each.evaluate("window.notReloaded = true")

    shop.signal("redis", signal.SIGKILL)
    shop.stripe.pay(pro).raise_for_status()
    for each in both:
        expect(each.get_by_role("cell", name="$97.00")).to_be_visible(timeout=30_000)
        is_live(each)

    dead = shop.kill("web")
    for each in both:
        expect(each.locator("#connection")).to_have_text("Reconnecting…")
    shop.stripe.pay(lifetime).raise_for_status()
    shop.wait_until_replaced("web", dead)
    for each in both:
        is_live(each)
        expect(each.get_by_role("cell", name="$8,000.00")).to_be_visible(timeout=20_000)
        assert each.evaluate("window.notReloaded")


def test_the_list_is_complete_again_after_a_restarted_redis_and_a_killed_server(
    buyer: Buyer, page: Page, shop: Product
):
    page.goto("/sessions")
    rows = page.locator("tr[data-session]")
    is_live(page)
    shop.signal("redis", signal.SIGKILL)
    second = shop.sign_in(buyer.email, "four wandering geese")
    expect(rows).to_have_count(2, timeout=30_000)
    dead = shop.kill("web")
    shop.wait_until_replaced("web", dead)
    shop.sign_in(buyer.email, "four wandering geese")
    second.http.post("/api/v1/auth/logout").raise_for_status()
    is_live(page)
    expect(rows).to_have_count(2, timeout=20_000)
    expect(page.locator("tr[data-current]")).to_have_count(1)
