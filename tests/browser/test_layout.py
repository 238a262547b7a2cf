"""Every page fits every screen."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.buyer import Buyer

WIDTHS = (1440, 1200, 768, 390)
PAGES = (
    *("/", "/pricing", "/items", "/payments", "/invoices", "/subscription", "/usage"),
    *("/escrow", "/escrow/new", "/wallet", "/keys", "/sessions", "/mail", "/privacy"),
)
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
TABS = ".tabs a"


def test_no_page_is_wider_than_its_screen(buyer: Buyer, page: Page):
    wide = []
    for path in PAGES:
        page.goto(path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate(TOO_WIDE):
                wide.append((path, width))
    assert wide == []


def test_the_ways_through_the_product_stand_in_one_line(buyer: Buyer, page: Page):
    for width in WIDTHS[:3]:
        page.set_viewport_size({"width": width, "height": 900})
        boxes = [link.bounding_box() for link in page.locator(TABS).all()]
        assert len(boxes) == 8
        assert len({box["y"] for box in boxes if box}) == 1
        assert all(box and box["x"] + box["width"] <= width for box in boxes)
