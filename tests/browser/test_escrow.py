"""A company pays an influencer through escrow, and both watch it in browsers of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.buyer import Buyer
from tests.product import Product
from tests.waiting import eventually

# Its money is the platform's at once, so that a payout need not wait for days.
SETTLES_AT_ONCE = "4000000000000077"
DECLINED = "4000000000000002"
SHOTS = os.environ.get("SCREENSHOTS")


class Deal:
    def __init__(self, company: Buyer, influencer: Buyer) -> None:
        self.company, self.influencer = company.sign_up(), influencer.sign_up()
        self.shop, self.hers, self.his = company.shop, company.page, influencer.page
        self.hers.on("dialog", lambda dialog: dialog.accept())

    def agree(self, amount: str = "250") -> None:
        """Ends on the provider's page."""
        self.hers.get_by_role("link", name="Escrow").click()
        self.hers.get_by_role("link", name="Pay somebody").first.click()
        self.hers.get_by_label("Who is paid").fill(self.influencer.email)
        self.hers.get_by_label("What for").fill("Three posts in December")
        self.hers.get_by_label("Amount").fill(amount)
        self.hers.get_by_role("button", name="Go on to the payment").click()
        self.hers.wait_for_url(f"{self.shop.stripe.url}/**")

    def pay(self, card: str = SETTLES_AT_ONCE) -> None:
        fill = {"Card number": card, "Expiry": "12 / 34", "CVC": "123", "ZIP": "12345"}
        for label, value in (fill | {"Name on card": "Cora Company"}).items():
            self.hers.get_by_label(label, exact=True).fill(value)
        self.hers.get_by_role("button", name="Pay $").click()

    def hold(self) -> None:
        self.agree()
        self.pay()
        expect(badge(self.hers)).to_have_text("Held in escrow")

    def release(self, amount: str) -> None:
        self.hers.get_by_label("Release, in USD").fill(amount)
        self.hers.get_by_role("button", name="Release…").click()
        shoot(self.hers, "release-asked")
        self.hers.get_by_role("button", name="Release $").click()

    def watch_wallet(self) -> None:
        self.his.goto("/wallet")
        expect(self.his.locator("body")).to_have_attribute("data-live-state", "on")
        self.his.evaluate("window.notReloaded = true")

    def onboard(self) -> None:
        self.his.goto("/wallet")
        self.his.get_by_role("button", name="Set up payouts").click()
        self.his.get_by_label("Name").fill("Ines Influencer")
        self.his.get_by_label("Account number or IBAN").fill("000123456789")
        shoot(self.his, "onboarding")
        self.his.get_by_role("button", name="Agree and submit").click()
        expect(self.his.get_by_text("You can be paid")).to_be_visible()

    def ask_payout(self, amount: str) -> str:
        """Ends when it is on its way; the provider's name for it."""
        self.his.get_by_label("Amount").fill(amount)
        self.his.get_by_role("button", name="Pay out").click()
        query = (
            "SELECT provider_id FROM wallet_payout p JOIN sessions_live_user u ON u.id = p.user_id"
            " WHERE u.email = %s AND provider_id IS NOT NULL"
        )
        sent = eventually(lambda: self.shop.rows(query, self.influencer.email), within=20)
        return str(sent[0][0])

    def settle(self, payout_id: str, status: str, **more: str) -> None:
        self.shop.stripe.control(
            f"payouts/{payout_id}/settle", status=status, **more
        ).raise_for_status()


def badge(page: Page) -> Locator:
    return page.get_by_role("heading", level=1).locator(".badge")


def note(page: Page, words: str | re.Pattern[str]) -> Locator:
    return page.locator("#toasts").get_by_text(words)


def shoot(page: Page, name: str) -> None:
    """For whoever wants to look: SCREENSHOTS names a folder."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"escrow-{name}.png", full_page=True)


@pytest.fixture
def other_page(chromium: Browser, shop: Product) -> Iterator[Page]:
    context = chromium.new_context(base_url=shop.url)
    yield context.new_page()
    context.close()


@pytest.fixture
def deal(page: Page, other_page: Page, shop: Product) -> Deal:
    return Deal(Buyer(page, shop), Buyer(other_page, shop))


def test_from_the_companys_card_to_the_influencers_bank(deal: Deal):
    his, hers = deal.his, deal.hers
    deal.agree()
    deal.watch_wallet()
    his.goto("/escrow")
    expect(his.get_by_text("Not paid yet")).to_be_visible()
    expect(his.locator("body")).to_have_attribute("data-live-state", "on")
    his.evaluate("window.notReloaded = true")

    deal.pay()
    expect(badge(hers)).to_have_text("Held in escrow")
    expect(hers.get_by_text("Payment held in escrow").first).to_be_visible()
    expect(note(his, "Payment secured")).to_be_visible()
    expect(his.get_by_text("Held in escrow")).to_be_visible()
    assert his.evaluate("window.notReloaded")
    shoot(hers, "held-company")
    shoot(his, "held-influencer")

    deal.watch_wallet()
    expect(his.get_by_role("region", name="Balance in USD")).to_contain_text("$225.00")
    deal.release("100")
    expect(note(his, "A part was released")).to_be_visible()
    expect(note(his, "$90.00 in your wallet")).to_be_visible()
    expect(his.locator("#wallet .figure").first).to_have_text("$90.00")
    expect(hers.get_by_text("$100.00 released to")).to_be_visible()
    deal.release("150.00")
    expect(his.locator("#wallet .figure").first).to_have_text("$225.00")
    expect(his.get_by_role("cell", name="+$135.00")).to_be_visible()
    assert his.evaluate("window.notReloaded")
    expect(badge(hers)).to_have_text("Released")
    shoot(hers, "released-company")
    shoot(his, "released-influencer")

    deal.onboard()
    payout = deal.ask_payout("200")
    expect(his.locator("#wallet .figure").first).to_have_text("$25.00")
    expect(his.get_by_text("Arrives about")).to_be_visible(timeout=15_000)
    shoot(his, "payout-on-its-way")
    his.evaluate("window.notReloaded = true")
    deal.settle(payout, "paid")
    expect(note(his, "Payout paid")).to_be_visible(timeout=15_000)
    expect(his.get_by_role("cell", name="Paid", exact=True)).to_be_visible()
    assert his.evaluate("window.notReloaded")
    shoot(his, "payout-paid")
    assert deal.shop.manage("verify_ledger", "--json")


def test_a_payout_that_the_bank_turns_back_is_in_the_wallet_again_at_once(deal: Deal):
    his = deal.his
    deal.hold()
    deal.release("250")
    deal.onboard()
    payout = deal.ask_payout("225")
    expect(his.locator("#wallet .figure").first).to_have_text("$0.00")
    expect(his.get_by_text("Arrives about")).to_be_visible(timeout=15_000)
    his.evaluate("window.notReloaded = true")
    deal.settle(payout, "failed", failure_code="account_closed")
    expect(note(his, re.compile("Payout failed; the money is back in your wallet"))).to_be_visible(
        timeout=15_000
    )
    expect(note(his, "$225.00 in your wallet")).to_be_visible()
    expect(his.locator("#wallet .figure").first).to_have_text("$225.00")
    expect(his.get_by_text("The money is back in your wallet.").last).to_be_visible()
    assert his.evaluate("window.notReloaded")
    shoot(his, "payout-failed")
    mail = """SELECT count(*) FROM mails_mail WHERE template = 'payout_failed' AND "to" = %s"""
    assert deal.shop.value(mail, deal.influencer.email) == 1


def test_a_declined_card_is_told_with_a_way_to_try_again(deal: Deal):
    deal.agree()
    escrow = deal.hers.context.new_page()
    escrow.goto("/escrow")
    expect(escrow.locator("body")).to_have_attribute("data-live-state", "on")
    deal.pay(DECLINED)
    expect(deal.hers.get_by_role("alert")).to_have_text("Your card was declined.")
    expect(note(escrow, "Payment failed: Your card was declined.")).to_be_visible(timeout=15_000)
    escrow.get_by_role("link", name=re.compile(r"\d{4}$")).click()
    expect(badge(escrow)).to_have_text("Payment failed")
    shoot(escrow, "failed")
    escrow.get_by_role("button", name="Try again").click()
    escrow.wait_for_url(f"{deal.shop.stripe.url}/**")
    escrow.close()
    deal.pay()
    expect(badge(deal.hers)).to_have_text("Held in escrow")


def test_a_page_shows_what_happened_while_it_was_made(deal: Deal):
    his, frames = deal.his, list[str]()
    his.on("websocket", lambda wire: wire.on("framereceived", lambda it: frames.append(str(it))))
    deal.watch_wallet()
    deal.hold()

    def answer_late(route: Route) -> None:
        made = route.fetch()
        deal.release("250")
        while not any("Payment released" in frame for frame in frames):
            deal.hers.wait_for_timeout(50)
        route.fulfill(response=made)

    his.route("**/escrow", answer_late, times=1)
    his.get_by_role("link", name="Escrow", exact=True).click(no_wait_after=True)
    his.wait_for_url("**/escrow")
    expect(his.locator("#escrows .badge")).to_have_text("Released")


class TestOnATelephone:
    @pytest.fixture
    def settings_of_browser(self) -> dict[str, object]:
        return {"viewport": {"width": 390, "height": 844}, "is_mobile": True}

    def test_no_page_is_wider_than_the_screen(self, deal: Deal):
        deal.hold()
        here = deal.hers.url
        for path in ("/escrow", "/escrow/new", here, "/wallet", "/wallet/onboarding"):
            deal.hers.goto(path)
            assert deal.hers.evaluate("document.documentElement.scrollWidth") <= 390, path
            shoot(deal.hers, "phone" + path.removeprefix(deal.shop.url).replace("/", "-")[:20])
