"""Payment intents, saved cards, and what each test card does."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .desk import Desk

NO_REDIRECTS = {"enabled": True, "allow_redirects": "never"}


def pay(desk: Desk, card: str, **more: Any) -> Any:
    params = {
        "amount": 2000,
        "currency": "usd",
        "payment_method": card,
        "confirm": True,
        "automatic_payment_methods": NO_REDIRECTS,
        **more,
    }
    return desk.v1.payment_intents.create(params)


def test_a_confirmed_payment_is_booked_with_its_fee(desk: Desk) -> None:
    intent = pay(desk, "pm_card_visa", metadata={"a": "b"})
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    charge = desk.v1.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction"]})
    booked = charge.balance_transaction
    assert (booked.amount, booked.fee, booked.net) == (2000, 88, 1912)
    assert charge.metadata.to_dict() == {"a": "b"}
    balance = desk.http.get("/_sandbox/balance").json()["usd"]
    assert (balance["pending"], balance["fees"]) == (1912, 88)
    desk.advance(3)
    assert desk.http.get("/_sandbox/balance").json()["usd"]["available"] == 1912


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
def test_declines(desk: Desk, card: str, code: str, decline_code: str | None) -> None:
    with pytest.raises(stripe.CardError) as declined:
        pay(desk, card)
    error: Any = declined.value.error
    assert (declined.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    assert error.payment_intent.status == "requires_payment_method"
    kept = desk.v1.payment_intents.retrieve(error.payment_intent.id)
    assert kept.last_payment_error.code == code
    assert desk.v1.charges.retrieve(kept.latest_charge).status == "failed"
    assert desk.types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_a_return_url_is_needed_unless_redirects_are_off(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        pay(desk, "pm_card_visa", automatic_payment_methods={"enabled": True})


def test_a_saved_card_is_charged_off_session(desk: Desk) -> None:
    customer = desk.customer()
    method = desk.v1.customers.payment_methods.list(customer).data[0].id
    more = {"customer": customer, "off_session": True, "automatic_payment_methods": {"enabled": 1}}
    more["automatic_payment_methods"] = {"enabled": True}
    assert pay(desk, method, **more).status == "succeeded"


def test_a_card_of_someone_else_is_refused(desk: Desk) -> None:
    method = desk.v1.customers.payment_methods.list(desk.customer()).data[0].id
    with pytest.raises(stripe.InvalidRequestError):
        pay(desk, method, customer=desk.customer(None))


def test_a_card_used_without_a_customer_cannot_be_used_again(desk: Desk) -> None:
    method = desk.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    pay(desk, method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(desk, method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        desk.v1.payment_methods.attach(method, {"customer": desk.customer(None)})


def test_a_card_that_can_be_attached_but_not_charged(desk: Desk) -> None:
    customer = desk.customer("pm_card_chargeCustomerFail")
    method = desk.v1.customers.payment_methods.list(customer).data[0].id
    with pytest.raises(stripe.CardError):
        pay(desk, method, customer=customer, off_session=True)


def test_a_declined_card_cannot_be_attached(desk: Desk) -> None:
    with pytest.raises(stripe.CardError):
        desk.customer("pm_card_chargeDeclined")


def test_authentication_on_and_off_session(desk: Desk) -> None:
    intent = pay(desk, "pm_card_authenticationRequired")
    assert intent.status == "requires_action"
    desk.control(f"payment_intents/{intent.id}/authenticate", succeed=True)
    assert desk.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    customer = desk.customer("pm_card_authenticationRequired")
    method = desk.v1.customers.payment_methods.list(customer).data[0].id
    with pytest.raises(stripe.CardError) as declined:
        pay(desk, method, customer=customer, off_session=True)
    assert declined.value.code == "authentication_required"


def test_what_stripe_js_does(desk: Desk) -> None:
    intent = desk.v1.payment_intents.create({"amount": 500, "currency": "eur"})
    assert intent.status == "requires_payment_method"
    path = f"payment_intents/{intent.id}/confirm"
    assert desk.refused(path, card="4000000000000002")["http"] == 402
    assert desk.control(path, card="4242424242424242")["status"] == "succeeded"
    assert desk.refused(path, card="4242424242424242")["code"] == "payment_intent_unexpected_state"


def test_cancel_and_capture(desk: Desk) -> None:
    intent = desk.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    assert desk.v1.payment_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert refused.value.code == "payment_intent_unexpected_state"
    held = pay(desk, "pm_card_visa", capture_method="manual")
    assert (held.status, held.amount_capturable) == ("requires_capture", 2000)
    taken = desk.v1.payment_intents.capture(held.id, {"amount_to_capture": 1500})
    assert (taken.status, taken.amount_received) == ("succeeded", 1500)


def test_an_amount_can_be_changed_before_and_not_after(desk: Desk) -> None:
    intent = desk.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    assert desk.v1.payment_intents.update(intent.id, {"amount": 900}).amount == 900
    paid = pay(desk, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.payment_intents.update(paid.id, {"amount": 900})


@pytest.mark.parametrize(
    ("amount", "currency", "allowed"),
    [
        (49, "usd", False),
        (50, "usd", True),
        (29, "gbp", False),
        (49, "jpy", False),
        (500, "jpy", True),
        (1001, "kwd", False),
        (1010, "kwd", True),
        (0, "usd", False),
        (100_000_000, "usd", False),
        (100, "xxx", False),
    ],
)
def test_amounts_per_currency(desk: Desk, amount: int, currency: str, allowed: bool) -> None:
    params = {"amount": amount, "currency": currency}
    if allowed:
        assert desk.v1.payment_intents.create(params).amount == amount
    else:
        with pytest.raises(stripe.InvalidRequestError):
            desk.v1.payment_intents.create(params)


def test_setup_intents_keep_a_card(desk: Desk) -> None:
    customer = desk.customer(None)
    setup = desk.v1.setup_intents.create(
        {"customer": customer, "payment_method": "pm_card_visa", "confirm": True}
    )
    assert setup.status == "succeeded"
    assert desk.v1.payment_methods.retrieve(setup.payment_method).customer == customer


def test_detaching_a_card(desk: Desk) -> None:
    customer = desk.customer()
    method = desk.v1.customers.payment_methods.list(customer).data[0].id
    assert desk.v1.payment_methods.detach(method).customer is None
    assert desk.v1.customers.retrieve(customer).invoice_settings.default_payment_method is None
    detached = desk.events("payment_method.detached")[0]["data"]
    assert detached["previous_attributes"] == {"customer": customer}


def test_an_asynchronous_capture_is_booked_a_moment_later(desk: Desk) -> None:
    desk.control("settings", async_capture=True)
    charge = pay(desk, "pm_card_visa", expand=["latest_charge"]).latest_charge
    assert (charge.captured, charge.balance_transaction) == (True, None)
    desk.advance(0.001)
    assert desk.v1.charges.retrieve(charge.id).balance_transaction.startswith("txn_")
    updated = desk.events("charge.updated")[0]["data"]["previous_attributes"]
    assert updated == {"balance_transaction": None}
