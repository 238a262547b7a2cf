"""The hosted pages as plain forms."""

from __future__ import annotations

import re

import httpx
import pytest

from .desk import Desk

CARD = {
    "card_number": "4242 4242 4242 4242",
    "expiry": "12 / 34",
    "cvc": "123",
    "name": "Ann Lee",
    "country": "US",
    "postal_code": "12345",
}


def send(desk: Desk, url: str, **fields: str) -> httpx.Response:
    return desk.http.post(url, data={**CARD, "action": "pay", **fields})


def test_buying(desk: Desk) -> None:
    session = desk.checkout()
    page = desk.http.get(session.url)
    assert page.status_code == 200
    assert "$20.00" in page.text
    assert "<script" not in page.text
    assert "no real money" in page.text
    bought = send(desk, session.url, email="ann@example.com")
    assert bought.status_code == 303
    assert bought.headers["Location"] == f"http://shop.test/done?session={session.id}"
    again = desk.http.get(session.url)
    assert again.headers["Location"] == bought.headers["Location"]
    assert send(desk, session.url, email="ann@example.com").status_code == 303
    assert desk.types().count("charge.succeeded") == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"card_number": "4000 0000 0000 0002"}, "Your card was declined."),
        ({"card_number": "4242 4242 4242 4241"}, "Your card number is incorrect."),
        ({"card_number": "4012 8888 8888 1881"}, "used a non test card"),
        ({"expiry": "12/20"}, "expiration year is in the past"),
        ({"expiry": "soon"}, "expiration date is incomplete"),
        ({"cvc": "1"}, "security code is incomplete"),
        ({"email": "nonsense"}, "email address is invalid"),
        ({"postal_code": ""}, "Please enter your ZIP"),
        ({"name": ""}, "name on the card"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said(desk: Desk, fields: dict[str, str], said: str) -> None:
    session = desk.checkout()
    refused = send(desk, session.url, **{"email": "ann@example.com", **fields})
    assert refused.status_code == 402
    assert said.replace("'", "&#39;") in refused.text
    assert desk.session(session.id).status == "open"


def test_three_d_secure_failed_then_done(desk: Desk) -> None:
    session = desk.checkout()
    card = "4000 0025 0000 3155"
    asked = send(desk, session.url, email="a@example.com", card_number=card)
    bank = asked.headers["Location"]
    assert "Complete" in desk.http.get(bank).text
    failed = desk.http.post(bank, data={"answer": "fail"})
    assert failed.headers["Location"] == f"/checkout/{session.id}"
    assert "unable to authenticate" in desk.http.get(session.url).text
    assert "unable to authenticate" not in desk.http.get(session.url).text
    bank = send(desk, session.url, email="a@example.com", card_number=card).headers["Location"]
    done = desk.http.post(bank, data={"answer": "complete"})
    assert done.headers["Location"].startswith("http://shop.test/done")


def test_a_promotion_code_on_the_page(desk: Desk) -> None:
    coupon = desk.v1.coupons.create({"amount_off": 500, "currency": "usd"}).id
    desk.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon}, "code": "FIVE"}
    )
    session = desk.checkout(allow_promotion_codes=True)
    wrong = desk.http.post(session.url, data={"action": "apply", "promotion_code": "SIX"})
    assert "This code is invalid." in wrong.text
    right = desk.http.post(session.url, data={"action": "apply", "promotion_code": "five"})
    assert "Pay $15.00" in right.text
    assert "Pay $20.00" in desk.http.post(session.url, data={"action": "remove"}).text


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [(500, "jpy", "¥500"), (1250, "eur", "€12.50"), (1250, "kwd", "KWD 1.250")],
)
def test_amounts_are_written_right(desk: Desk, amount: int, currency: str, shown: str) -> None:
    session = desk.checkout(price=desk.price(amount, interval=None, currency=currency))
    assert f"Pay {shown}" in desk.http.get(session.url).text


def test_the_button_says_what_happens(desk: Desk) -> None:
    trial = desk.checkout("subscription", subscription_data={"trial_period_days": 14})
    assert "Start trial" in desk.http.get(trial.url).text
    assert "Subscribe" in desk.http.get(desk.checkout("subscription").url).text


def test_a_whole_address_is_asked_for_when_required(desk: Desk) -> None:
    session = desk.checkout("subscription", billing_address_collection="required")
    assert 'name="line1"' in desk.http.get(session.url).text
    assert send(desk, session.url, email="a@example.com").status_code == 402
    address = {"line1": "1 Main St", "city": "Town", "email": "a@example.com"}
    assert send(desk, session.url, **address).status_code == 303
    details = desk.session(session.id).customer_details
    assert (details.address.line1, details.name) == ("1 Main St", "Ann Lee")
    customer = desk.v1.customers.retrieve(desk.session(session.id).customer)
    assert customer.address.city == "Town"


def test_an_expired_page_says_so(desk: Desk) -> None:
    session = desk.checkout()
    desk.v1.checkout.sessions.expire(session.id)
    assert "has expired" in desk.http.get(session.url).text


def test_what_a_shop_writes_is_never_taken_as_markup(desk: Desk) -> None:
    price = desk.price(interval=None, product=desk.product("<b>Bold</b>"))
    assert "&lt;b&gt;Bold" in desk.http.get(desk.checkout(price=price).url).text


def test_the_portal_cancels_and_keeps(desk: Desk) -> None:
    subscription = desk.subscription()
    portal = desk.v1.billing_portal.sessions.create(
        {"customer": subscription.customer, "return_url": "http://shop.test/account"}
    )
    assert portal.url == f"{desk.url}/portal/{portal.id}"
    assert "Cancel subscription" in desk.http.get(portal.url).text
    fields = {"subscription": subscription.id}
    assert desk.http.post(portal.url, data={**fields, "action": "cancel"}).status_code == 303
    assert desk.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    desk.http.post(portal.url, data={**fields, "action": "keep"})
    assert not desk.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end


def test_the_portal_changes_the_card(desk: Desk) -> None:
    subscription = desk.subscription()
    portal = desk.v1.billing_portal.sessions.create({"customer": subscription.customer})
    card = {**CARD, "card_number": "5555 5555 5555 4444", "action": "card"}
    desk.http.post(portal.url, data=card)
    customer = desk.v1.customers.retrieve(
        subscription.customer, {"expand": ["invoice_settings.default_payment_method"]}
    )
    assert customer.invoice_settings.default_payment_method.card.brand == "mastercard"


def test_an_open_invoice_is_paid_on_its_page(desk: Desk) -> None:
    customer = desk.customer()
    subscription = desk.subscription(customer=customer)
    desk.control(f"customers/{customer}/card", card="4000000000000341")
    desk.advance(32)
    invoice = desk.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert "Pay $20.00" in desk.http.get(invoice.hosted_invoice_url).text
    assert desk.http.post(invoice.hosted_invoice_url, data=CARD).status_code == 303
    assert desk.v1.invoices.retrieve(invoice.id).status == "paid"
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert desk.http.get(invoice.invoice_pdf).content.startswith(b"%PDF-1.4")


def test_the_receipt(desk: Desk) -> None:
    session = desk.checkout()
    desk.complete(session)
    done = desk.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )
    assert "$20.00" in desk.http.get(done.payment_intent.latest_charge.receipt_url).text


def test_the_control_page(desk: Desk) -> None:
    desk.complete(desk.checkout())
    intent = desk.v1.payment_intents.list().data[0].id
    page = desk.http.get("/_sandbox")
    assert intent in page.text
    assert re.search(r"payment_intent.succeeded", page.text)
    answer = desk.http.post("/_sandbox", data={"action": "dispute", "payment_intent": intent})
    assert answer.status_code == 303
    [dispute] = desk.v1.disputes.list().data
    desk.http.post("/_sandbox", data={"action": "lost", "dispute": dispute.id})
    assert desk.v1.disputes.retrieve(dispute.id).status == "lost"
    assert desk.http.post("/_sandbox", data={"action": "advance", "days": "x"}).status_code == 400
