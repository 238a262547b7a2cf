"""What a person does in a browser, in their own words."""

from __future__ import annotations

import itertools

from playwright.sync_api import Locator, Page

from tests.product import Product

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
ASKING_CARD = "4000002500003155"

numbers = itertools.count(1)


class Buyer:
    def __init__(self, page: Page, shop: Product) -> None:
        self.page, self.shop = page, shop
        self.email = f"buyer{next(numbers)}@browser.example"

    def sign_up(self) -> Buyer:
        self.page.goto("/pricing")
        self.page.get_by_role("link", name="Sign up").first.click()
        self.page.get_by_label("Email").fill(self.email)
        self.page.get_by_label("Password").fill("four wandering geese")
        self.page.get_by_role("button", name="Create account").click()
        self.page.wait_for_url(self.shop.url + "/")
        return self

    def choose(self, button: str = "Choose Pro") -> Buyer:
        """Ends on the provider's page."""
        self.page.goto("/pricing")
        self.page.get_by_role("button", name=button).click()
        self.page.wait_for_url(f"{self.shop.stripe.url}/**")
        return self

    def pay(self, card: str = GOOD_CARD, *, button: str = "Subscribe") -> None:
        form = {
            "Card number": card,
            "Expiry": "12 / 34",
            "CVC": "123",
            "Name on card": "Bea Buyer",
            "ZIP": "12345",
        }
        # Nobody is asked where they live for a single item.
        address = {"Address": "1 High Street", "City": "Springfield"}
        for label, value in (form if button == "Pay" else form | address).items():
            self.page.get_by_label(label, exact=True).fill(value)
        self.page.get_by_role("button", name=button).click()

    @property
    def heading(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    def has(self) -> tuple[int, int]:
        """Running subscriptions, and rights."""
        whose = "JOIN sessions_live_user u ON u.id = user_id WHERE u.email = %s"
        running = (
            f"SELECT count(*) FROM billing_subscription s {whose}"
            " AND s.status IN ('active', 'trialing')"
        )
        rights = f"SELECT count(*) FROM billing_entitlement {whose} AND revoked_at IS NULL"
        return self.shop.value(running, self.email), self.shop.value(rights, self.email)
