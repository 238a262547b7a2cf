from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.buyer import Buyer
from tests.waiting import eventually


def test_what_was_mailed_is_read_on_a_page_and_its_button_leads_back(buyer: Buyer, page: Page):
    """The frame is sandboxed and its policy allows nothing, which must not break the mail."""
    eventually(lambda: sent(buyer))
    page.get_by_role("link", name="Mails we sent you").click()
    expect(page.get_by_role("heading", name="Mails we sent you")).to_be_visible()
    mail = page.frame_locator("iframe.mail")
    expect(mail.get_by_role("heading", name="Your account is ready.")).to_be_visible()
    with page.expect_popup() as opened:
        mail.get_by_role("link", name="See the plans").click()
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
    assert opened.value.url.endswith("/pricing")


def sent(buyer: Buyer) -> bool:
    query = """SELECT count(*) FROM mails_mail WHERE status = 'sent' AND "to" = %s"""
    return bool(buyer.shop.value(query, buyer.email))
