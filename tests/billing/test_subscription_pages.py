"""The page where a subscription is looked after: it shows what may be done, and asks first."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from billing.mails.models import Mail
from billing.models import Subscription
from sessions_live.models import User
from tests.billing.browsing import text
from tests.billing.conftest import Shop
from tests.billing.life import Life


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop, alice, "trader")


@pytest.fixture
def browser(life: Life) -> Client:
    browser = Client()
    browser.force_login(life.user)
    return browser


def press(browser: Client, path: str, **fields: Any) -> str:
    """Opens a page, presses its button, and reads what comes of it."""
    page = browser.get(path)
    assert page.status_code == 200, page
    key = re.search(r'name="key" value="([^"]+)"', page.content.decode())
    assert key
    return text(browser.post(path, {"key": key[1], **fields}, follow=True))


def mailed(template: str) -> list[dict[str, Any]]:
    return list(Mail.objects.filter(template=template).values_list("context", flat=True))


def test_the_home_page_leads_to_it(browser: Client):
    assert 'href="/subscription"' in browser.get("/").content.decode()


def test_it_shows_what_may_be_done_and_nothing_else(browser: Client):
    seen = text(browser.get("/subscription"))
    assert "Trader Active Renews on" in seen
    assert "Pause" in seen
    assert "Cancel…" in seen
    assert "Resume" not in seen
    assert re.search(r"Pro \$97.00 per month At once See what it costs", seen)
    Subscription.objects.update(status="past_due")
    seen = text(browser.get("/subscription"))
    assert "See what it costs" not in seen
    assert "Pause" not in seen


def test_a_change_shows_its_price_before_it_is_confirmed(life: Life, browser: Client):
    path = "/subscription/change?tier=pro&interval=month"
    shown = text(browser.get(path))
    due = re.search(r"Charged now (\$[\d.]+)", shown)
    assert due
    assert f"Pay {due[1]} and change" in shown
    seen = press(browser, path)
    assert "You have Pro now, for $97.00 per month." in seen
    assert "Changed from Trader ($49.00 per month) to Pro ($97.00 per month)" in seen
    paid = life.invoices()[0]["amount_paid"]
    assert due[1] == f"${paid / 100:.2f}"
    (mail,) = mailed("subscription_changed")
    assert (mail["before"], mail["plan"], mail["scheduled"]) == ("Trader", "Pro", False)


def test_a_change_that_waits_is_shown_and_can_be_dropped(life: Life, browser: Client):
    seen = press(browser, "/subscription/change?tier=starter&interval=month")
    assert re.search(r"Changes to Starter on .+, for \$19.00 per month. Until then", seen)
    assert "Changes to Starter on" in text(browser.get("/"))
    assert mailed("subscription_changed")[0]["scheduled"] is True
    seen = press(browser, "/subscription/keep")
    assert "Trader stays your plan." in seen
    assert life.seen["scheduled_change"] is None


def test_a_cancellation_asks_why_and_says_what_happens(life: Life, browser: Client):
    asked = text(browser.get("/subscription/cancel"))
    assert "You keep access until then" in asked
    assert "is not given back by itself" in asked
    seen = press(
        browser, "/subscription/cancel", when="end", feedback="unused", words="Too little time"
    )
    assert "Trader is canceled. You keep access to the end of the period." in seen
    assert "I do not use it enough: Too little time" in seen
    assert life.at_stripe["cancellation_details"]["feedback"] == "unused"
    assert mailed("subscription_canceled")[0]["ended"] is False
    assert "goes on as if nothing had happened" in press(browser, "/subscription/reactivate")


def test_a_pause_and_its_end_are_asked_and_said(browser: Client):
    assert "You keep access until" in press(browser, "/subscription/pause")
    assert "Nothing is charged. You keep access until" in text(browser.get("/subscription"))
    assert "Trader goes on." in press(browser, "/subscription/resume")


def test_a_second_click_is_the_same_wish(life: Life, browser: Client):
    page = browser.get("/subscription/pause").content.decode()
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    for _ in range(2):
        seen = text(browser.post("/subscription/pause", {"key": key[1]}, follow=True))
        assert "is paused" in seen
    assert life.history() == [("paused", "customer")]


def test_what_is_refused_is_said_where_one_sees_it(life: Life, browser: Client):
    seen = text(browser.get("/subscription/resume", follow=True))
    assert "The subscription is not paused." in seen
    life.use_card("4000000000000341")
    seen = press(browser, "/subscription/change?tier=pro&interval=month")
    assert "Your card was declined. Nothing was changed" in seen
    assert browser.get("/subscription/change?tier=%00").status_code == 404


def test_who_has_nothing_is_led_to_the_plans(shop: Shop, bob: User):
    browser = Client()
    assert browser.get("/subscription").status_code == 302
    browser.force_login(bob)
    assert "See the plans" in text(browser.get("/subscription"))
    for path in ("cancel", "pause", "resume", "keep", "reactivate"):
        seen = text(browser.get(f"/subscription/{path}", follow=True))
        assert "You have no subscription. Choose a plan to begin one." in seen


def test_the_pricing_page_leads_to_the_change_and_warns_of_an_end(browser: Client):
    page = browser.get("/pricing")
    assert "/subscription/change?tier=pro&amp;interval=month" in page.content.decode()
    assert "Your subscription to Trader ends then at once" in text(page)
