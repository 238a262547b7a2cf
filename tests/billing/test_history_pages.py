from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from billing.models import Payment
from sessions_live.models import User
from tests.billing.browsing import text
from tests.billing.conftest import Shop
from tests.billing.payments import make_payment, make_payments


def days(answer: Any) -> list[str]:
    found: list[str] = re.findall(
        r'<a href="/payments/[0-9a-f-]{36}">([^<]+)</a>', str(answer.content)
    )
    return found


def test_who_has_not_paid_yet_is_shown_the_plans(browser: Client):
    seen = text(browser.get("/payments"))
    assert "No payments yet." in seen
    assert "See the plans" in seen
    assert "Download" not in seen


def test_payments_are_found_by_their_state_and_their_days(browser: Client, alice: User):
    for day, status in [(1, "failed"), (2, "succeeded"), (3, "failed")]:
        make_payment(alice, status=status, created_at=datetime(2026, 5, day, 23, 59, tzinfo=UTC))
    assert len(days(browser.get("/payments"))) == 3
    assert days(browser.get("/payments?status=failed")) == ["3 May 2026", "1 May 2026"]
    assert days(browser.get("/payments?since=2026-05-02&until=2026-05-02")) == ["2 May 2026"]
    none = text(browser.get("/payments?q=nothing"))
    assert "No payment fits these filters." in none


def test_a_wrong_filter_is_said_beside_it_and_hides_nothing(browser: Client, alice: User):
    make_payment(alice)
    answer = browser.get("/payments?since=2026-05-02&until=2026-05-01&status=lost&cursor=x")
    assert "Lies before the first day." in text(answer)
    assert "Select a valid choice" in text(answer)


def test_long_histories_are_turned_like_pages(browser: Client, alice: User):
    make_payments(alice, 30)
    first = browser.get("/payments?status=succeeded")
    older = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
    assert older
    assert len(days(first)) == 25
    second = browser.get("/payments" + older[1].replace("&amp;", "&"))
    assert len(days(second)) == 5
    assert "Newer" in text(second)
    assert "Older" not in text(second)


def test_a_download_is_what_the_page_shows(browser: Client, alice: User, bob: User):
    make_payment(alice, status="failed", amount=100)
    make_payment(alice, amount=200)
    make_payment(bob, status="failed")
    page = browser.get("/payments?status=failed").content.decode()
    link = re.search(r'href="(/payments/export\?[^"]*format=csv)"', page)
    assert link
    answer: Any = browser.get(link[1].replace("&amp;", "&"))
    sheet = b"".join(answer.streaming_content).decode()
    assert [row["amount"] for row in csv.DictReader(io.StringIO(sheet))] == ["100"]


def test_a_payments_page_tells_what_the_bank_said(shop: Shop, browser: Client, alice: User):
    session_id = shop.checkout(alice, "lifetime")
    shop.stripe.pay(session_id, card="4000000000009995")
    shop.stripe.pay(session_id).raise_for_status()
    shop.hear()
    payment = Payment.objects.get()
    assert f"/payments/{payment.pk}" in browser.get("/").content.decode()
    seen = text(browser.get(f"/payments/{payment.pk}")).partition("What happened")[2]
    words = ["$8,000.00 asked for", "9995 was declined", "Your card has insufficient funds.",
             "was charged", "Paid"]  # fmt: skip
    places = [seen.index(each) for each in words]
    assert places == sorted(places)


def test_a_payments_page_is_its_owners(browser: Client, bob: User, shop: Shop):
    payment = make_payment(bob)
    assert browser.get(f"/payments/{payment.pk}").status_code == 404
    for path in ("/payments", f"/payments/{payment.pk}"):
        assert Client().get(path).status_code == 302


def test_the_console_tells_the_same_story_with_its_causes(shop: Shop, alice: User):
    shop.buy(alice, "lifetime")
    shop.hear()
    payment = Payment.objects.get()
    admin = Client()
    admin.force_login(shop.person(is_staff=True, is_superuser=True))
    page = admin.get(f"/admin/billing/payment/{payment.pk}/change/")
    event = payment.events.get()
    assert "$8,000.00 asked for" in text(page)
    assert f"/admin/webhooks/webhookevent/?q={event.cause}" in page.content.decode()


def page_of_neon_skin(browser: Client) -> str:
    """The provider's page where it is to be paid."""
    return browser.post("/items/buy", {"item_id": "skin_neon", "quantity": 1}).headers["Location"]


def test_a_failed_payment_of_an_item_leads_to_where_it_can_be_paid(
    shop: Shop, browser: Client, alice: User
):
    url = page_of_neon_skin(browser)
    session_id = url.rpartition("/")[2]
    shop.stripe.pay(session_id, card="4000000000009995")
    shop.hear()
    page = f"/payments/{Payment.objects.get().pk}"
    assert f'href="{url}">Try again</a>' in browser.get(page).content.decode()

    shop.stripe.stripe.post(f"/v1/checkout/sessions/{session_id}/expire").raise_for_status()
    shop.hear()
    assert 'href="/items#skin_neon">Try again</a>' in browser.get(page).content.decode()


def test_what_was_paid_after_all_is_not_to_be_tried_again(shop: Shop, browser: Client, alice: User):
    session_id = page_of_neon_skin(browser).rpartition("/")[2]
    shop.stripe.pay(session_id, card="4000000000009995")
    shop.stripe.pay(session_id).raise_for_status()
    shop.hear()
    assert "Try again" not in text(browser.get(f"/payments/{Payment.objects.get().pk}"))
