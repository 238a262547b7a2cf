"""Checkout sessions, completed the way the hosted page completes them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .desk import DAY, Desk


def test_a_payment(desk: Desk) -> None:
    session = desk.checkout(
        client_reference_id="order:7",
        metadata={"order": "7"},
        payment_intent_data={"metadata": {"payment": "9"}},
    )
    assert session.url == f"{desk.url}/checkout/{session.id}"
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert desk.complete(session, email="a@example.com") == {
        "status": "complete",
        "payment_status": "paid",
    }
    done = desk.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )
    assert done.customer_details.email == "a@example.com"
    assert (done.customer, done.url, done.client_reference_id) == (None, None, "order:7")
    assert done.metadata.to_dict() == {"order": "7"}
    assert done.payment_intent.metadata.to_dict() == {"payment": "9"}
    assert done.payment_intent.latest_charge.metadata.to_dict() == {"payment": "9"}
    assert desk.types()[2:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_subscription_produces_the_events_of_the_real_one(desk: Desk) -> None:
    session = desk.checkout(
        "subscription", metadata={"s": "1"}, subscription_data={"metadata": {"u": "2"}}
    )
    desk.complete(session, email="a@example.com")
    assert set(desk.types()) == {
        "product.created",
        "price.created",
        "customer.created",
        "payment_method.attached",
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.created",
        "checkout.session.completed",
    }
    done = desk.session(session.id)
    assert done.payment_intent is None
    subscription = desk.v1.subscriptions.retrieve(done.subscription)
    assert subscription.status == "active"
    assert subscription.metadata.to_dict() == {"u": "2"}
    assert subscription.default_payment_method.startswith("pm_")
    item = subscription["items"].data[0]
    assert 27 * DAY < item.current_period_end - item.current_period_start < 32 * DAY
    invoice = desk.v1.invoices.retrieve(done.invoice)
    details = invoice.parent.subscription_details
    assert (details.subscription, details.metadata.to_dict()) == (subscription.id, {"u": "2"})
    assert (invoice.status, invoice.amount_paid) == ("paid", 2000)
    assert "payment_intent" not in invoice.to_dict()


def test_a_trial_is_free_and_keeps_the_card(desk: Desk) -> None:
    session = desk.checkout("subscription", subscription_data={"trial_period_days": 14})
    assert session.amount_total == 0
    assert desk.complete(session) == {
        "status": "complete",
        "payment_status": "no_payment_required",
    }
    subscription = desk.v1.subscriptions.retrieve(desk.session(session.id).subscription)
    assert subscription.status == "trialing"
    assert subscription.trial_end - subscription.trial_start == 14 * DAY
    assert subscription.default_payment_method
    assert "charge.succeeded" not in desk.types()
    assert "customer.subscription.trial_will_end" not in desk.types()


def test_a_short_trial_tells_of_its_end_at_once(desk: Desk) -> None:
    desk.complete(desk.checkout("subscription", subscription_data={"trial_period_days": 2}))
    assert "customer.subscription.trial_will_end" in desk.types()


def test_a_trial_without_a_card(desk: Desk) -> None:
    session = desk.checkout(
        "subscription",
        payment_method_collection="if_required",
        subscription_data={
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
        },
    )
    desk.control(f"checkout/{session.id}/complete")
    subscription = desk.v1.subscriptions.retrieve(desk.session(session.id).subscription)
    assert subscription.default_payment_method is None
    desk.advance(8)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "canceled"


def test_a_known_customer_is_kept(desk: Desk) -> None:
    customer = desk.customer(None)
    session = desk.checkout(customer=customer)
    assert session.customer_details.email == "alice@example.com"
    desk.complete(session)
    intent = desk.v1.payment_intents.retrieve(desk.session(session.id).payment_intent)
    assert intent.customer == customer


@pytest.mark.parametrize("mode", ["payment", "subscription"])
def test_a_decline_leaves_the_session_open(desk: Desk, mode: str) -> None:
    session = desk.checkout(mode)
    error = desk.refused(f"checkout/{session.id}/complete", card="4000 0000 0000 9995")
    assert (error["http"], error["code"], error["decline_code"]) == (
        402,
        "card_declined",
        "insufficient_funds",
    )
    assert desk.session(session.id).status == "open"
    assert {"charge.failed", "payment_intent.payment_failed"} <= set(desk.types())
    assert desk.complete(session)["payment_status"] == "paid"
    assert desk.types().count("payment_intent.created") == 1


def test_three_d_secure(desk: Desk) -> None:
    session = desk.checkout()
    waiting = desk.complete(session, card="4000002500003155")
    assert waiting == {"status": "open", "payment_status": "unpaid", "requires_action": True}
    error = desk.refused(
        f"checkout/{session.id}/complete", card="4000002500003155", authenticate=False
    )
    assert error["code"] == "payment_intent_authentication_failure"
    done = desk.complete(session, card="4000002500003155", authenticate=True)
    assert done["status"] == "complete"


def test_three_d_secure_on_a_trial(desk: Desk) -> None:
    session = desk.checkout("subscription", subscription_data={"trial_period_days": 7})
    assert desk.complete(session, card="4000002500003155")["requires_action"]
    assert desk.session(session.id).subscription is None
    done = desk.complete(session, card="4000002500003155", authenticate=True)
    assert done["status"] == "complete"


def test_a_promotion_code(desk: Desk) -> None:
    coupon = desk.v1.coupons.create({"percent_off": 25}).id
    code = desk.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon}, "code": "FALL25"}
    )
    session = desk.checkout("subscription", allow_promotion_codes=True)
    desk.complete(session, promotion_code="fall25")
    done = desk.session(session.id)
    assert (done.amount_subtotal, done.amount_total) == (2000, 1500)
    assert done.total_details.amount_discount == 500
    assert done.discounts[0].promotion_code == code.id
    assert desk.v1.promotion_codes.retrieve(code.id).times_redeemed == 1
    assert desk.v1.invoices.retrieve(done.invoice).amount_paid == 1500
    desk.advance(32)
    renewal = desk.v1.invoices.list({"subscription": done.subscription}).data[0]
    assert renewal.total == 2000, "a coupon of duration `once` was used again"


def test_an_unknown_promotion_code(desk: Desk) -> None:
    session = desk.checkout(allow_promotion_codes=True)
    path = f"checkout/{session.id}/complete"
    error = desk.refused(path, card="4242424242424242", promotion_code="NOPE")
    assert error["message"] == "This code is invalid."


def test_line_items_are_listed(desk: Desk) -> None:
    session = desk.checkout()
    [item] = desk.v1.checkout.sessions.line_items.list(session.id).data
    assert (item.amount_total, item.quantity, item.description) == (2000, 1, "Pro")
    inside = desk.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert inside.line_items.data[0].id == item.id


def test_prices_made_on_the_spot(desk: Desk) -> None:
    data = {"currency": "jpy", "unit_amount": 500, "product_data": {"name": "Tea"}}
    session = desk.checkout(line_items=[{"price_data": data, "quantity": 3}])
    assert (session.amount_total, session.currency) == (1500, "jpy")


def test_a_session_expires_by_itself_or_on_demand(desk: Desk) -> None:
    by_hand, by_time = desk.checkout(), desk.checkout()
    assert desk.v1.checkout.sessions.expire(by_hand.id).status == "expired"
    desk.advance(1.01)
    assert desk.session(by_time.id).status == "expired"
    assert desk.types().count("checkout.session.expired") == 2
    error = desk.refused(f"checkout/{by_time.id}/complete", card="4242424242424242")
    assert "expired" in error["message"]


def test_what_was_declined_is_given_up_when_the_session_expires(desk: Desk) -> None:
    session = desk.checkout()
    desk.refused(f"checkout/{session.id}/complete", card="4000000000000002")
    desk.v1.checkout.sessions.expire(session.id)
    intent = desk.session(session.id).payment_intent
    assert desk.v1.payment_intents.retrieve(intent).status == "canceled"


def test_completing_twice_is_refused(desk: Desk) -> None:
    session = desk.checkout()
    desk.complete(session)
    assert desk.refused(f"checkout/{session.id}/complete", card="4242424242424242")["http"] == 400
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.checkout.sessions.expire(session.id)


@pytest.mark.parametrize("settled", ["succeeded", "failed"])
def test_a_bank_debit_settles_later(desk: Desk, settled: str) -> None:
    session = desk.checkout()
    done = desk.control(f"checkout/{session.id}/complete", bank_debit=True)
    assert done == {"status": "complete", "payment_status": "unpaid"}
    intent = desk.session(session.id).payment_intent
    desk.control(f"payment_intents/{intent}/settle", status=settled)
    assert f"checkout.session.async_payment_{settled}" in desk.types()
    paid = desk.session(session.id).payment_status
    assert paid == ("paid" if settled == "succeeded" else "unpaid")


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"success_url": "/done"}, "success_url"),
        ({"cancel_url": "back"}, "cancel_url"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"customer_email": "nonsense"}, "customer_email"),
        ({"expires_at": 1}, "expires_at"),
        ({"subscription_data": {"metadata": {"a": "b"}}}, "subscription_data"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"payment_method_collection": "if_required"}, "payment_method_collection"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sessions_that_are_refused(desk: Desk, params: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.checkout(**params)
    assert refused.value.param == param


def test_the_mode_must_fit_the_prices(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="passed a recurring price"):
        desk.checkout("payment", desk.price(interval="month"))
    with pytest.raises(stripe.InvalidRequestError, match="at least one recurring price"):
        desk.checkout("subscription", desk.price(interval=None))
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent_data"):
        desk.checkout("subscription", payment_intent_data={"metadata": {"a": "b"}})


def test_an_archived_price_is_refused(desk: Desk) -> None:
    price = desk.price(interval=None)
    desk.v1.prices.update(price, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        desk.checkout(price=price)


def test_too_small_an_amount_is_refused(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.checkout(price=desk.price(49, interval=None))
    assert refused.value.code == "amount_too_small"


def test_one_time_prices_go_on_the_first_invoice(desk: Desk) -> None:
    lines = [
        {"price": desk.price(2000), "quantity": 1},
        {"price": desk.price(500, interval=None), "quantity": 1},
    ]
    session = desk.checkout("subscription", line_items=lines)
    desk.complete(session)
    assert desk.v1.invoices.retrieve(desk.session(session.id).invoice).amount_paid == 2500
