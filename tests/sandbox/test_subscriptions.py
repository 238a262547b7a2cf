"""Subscriptions: how they begin, change and end."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from .desk import DAY, Desk


def item_of(subscription: Any) -> Any:
    return subscription["items"].data[0]


def invoices(desk: Desk, subscription: Any) -> list[Any]:
    """Newest first."""
    return list(desk.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data)


# -- beginning


def test_a_good_card_makes_it_active(desk: Desk) -> None:
    subscription = desk.subscription()
    assert subscription.status == "active"
    [invoice] = invoices(desk, subscription)
    assert (invoice.billing_reason, invoice.status) == ("subscription_create", "paid")
    assert invoice.hosted_invoice_url == f"{desk.url}/invoices/{invoice.id}"
    [payment] = desk.v1.invoice_payments.list({"invoice": invoice.id}).data
    assert (payment.status, payment.amount_paid) == ("paid", 2000)
    created = desk.events("customer.subscription.created")[0]["data"]["object"]
    assert created["status"] == "active"


def test_without_a_card_it_is_refused(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        desk.subscription(customer=desk.customer(None))
    assert desk.v1.subscriptions.list({"status": "all"}).data == []


def test_a_bad_card_leaves_it_incomplete_and_then_expired(desk: Desk) -> None:
    subscription = desk.subscription(customer=desk.customer("pm_card_chargeCustomerFail"))
    assert subscription.status == "incomplete"
    desk.advance(1)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "incomplete_expired"
    assert invoices(desk, subscription)[0].status == "void"


def test_error_if_incomplete_keeps_nothing(desk: Desk) -> None:
    customer = desk.customer("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        desk.subscription(customer=customer, payment_behavior="error_if_incomplete")
    assert desk.v1.subscriptions.list({"status": "all"}).data == []
    assert "charge.failed" not in desk.types()


def test_default_incomplete_waits_for_a_browser(desk: Desk) -> None:
    subscription = desk.subscription(
        customer=desk.customer(None),
        payment_behavior="default_incomplete",
        expand=["latest_invoice.confirmation_secret"],
    )
    secret = subscription.latest_invoice.confirmation_secret.client_secret
    intent = secret.split("_secret_")[0]
    desk.control(f"payment_intents/{intent}/confirm", card="4242424242424242")
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_prices_must_fit_each_other(desk: Desk) -> None:
    customer = desk.customer()
    for wrong in (desk.price(interval="year"), desk.price(currency="eur")):
        items = [{"price": desk.price()}, {"price": wrong}]
        with pytest.raises(stripe.InvalidRequestError):
            desk.v1.subscriptions.create({"customer": customer, "items": items})


def test_an_anchor_makes_the_first_period_short(desk: Desk) -> None:
    anchor = int(time.time()) + 10 * DAY
    subscription = desk.subscription(billing_cycle_anchor=anchor)
    assert item_of(subscription).current_period_end == anchor
    assert 600 <= invoices(desk, subscription)[0].total <= 720


# -- time


def test_a_renewal(desk: Desk) -> None:
    subscription = desk.subscription(metadata={"u": "1"})
    end = item_of(subscription).current_period_end
    desk.advance(32)
    renewed = desk.v1.subscriptions.retrieve(subscription.id)
    assert item_of(renewed).current_period_start == end
    newest, first = invoices(desk, subscription)
    assert newest.id == renewed.latest_invoice
    assert first.id != newest.id
    assert (newest.billing_reason, newest.status) == ("subscription_cycle", "paid")
    assert newest.status_transitions.finalized_at == newest.created + 3600
    created = desk.events("invoice.created")[-1]["data"]["object"]
    assert created["status"] == "draft"
    updated = desk.events("customer.subscription.updated")[-1]["data"]["previous_attributes"]
    assert updated.keys() == {"items", "latest_invoice"}


def test_exactly_to_the_end_of_the_period_is_enough(desk: Desk) -> None:
    subscription = desk.subscription()
    desk.control("clock", to=item_of(subscription).current_period_end)
    assert invoices(desk, subscription)[0].billing_reason == "subscription_cycle"
    assert invoices(desk, subscription)[0].status == "paid"


def test_a_year_of_renewals_falls_on_the_same_day(desk: Desk) -> None:
    subscription = desk.subscription()
    desk.advance(366)
    assert len(invoices(desk, subscription)) == 13
    ends = {time.gmtime(i.lines.data[0].period.start).tm_mday for i in invoices(desk, subscription)}
    anchor = time.gmtime(subscription.billing_cycle_anchor).tm_mday
    assert max(ends) == anchor


def test_failed_renewals_are_tried_four_times_and_end_it(desk: Desk) -> None:
    customer = desk.customer()
    subscription = desk.subscription(customer=customer)
    desk.control(f"customers/{customer}/card", card="4000000000000341")
    desk.advance(32)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    invoice = invoices(desk, subscription)[0]
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert invoice.next_payment_attempt
    desk.advance(20)
    ended = desk.v1.subscriptions.retrieve(subscription.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details.reason == "payment_failed"
    assert desk.v1.invoices.retrieve(invoice.id).attempt_count == 4
    assert desk.types().count("invoice.payment_failed") == 4


def test_a_new_card_cures_a_failed_renewal(desk: Desk) -> None:
    customer = desk.customer()
    subscription = desk.subscription(customer=customer)
    desk.control(f"customers/{customer}/card", card="4000000000000341")
    desk.advance(32)
    desk.control(f"customers/{customer}/card", card="4242424242424242")
    desk.advance(4)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "active"
    statuses = [
        e["data"]["previous_attributes"].get("status")
        for e in desk.events("customer.subscription.updated")
    ]
    assert statuses[-1] == "past_due"


def test_the_account_may_keep_it_as_unpaid(desk: Desk) -> None:
    desk.control("settings", after_retries="unpaid")
    customer = desk.customer()
    subscription = desk.subscription(customer=customer)
    desk.control(f"customers/{customer}/card", card="4000000000000341")
    desk.advance(55)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "unpaid"


def test_a_renewal_that_needs_authentication(desk: Desk) -> None:
    customer = desk.customer()
    subscription = desk.subscription(customer=customer)
    desk.control(f"customers/{customer}/card", card="4000002760003184")
    desk.advance(32)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    assert "invoice.payment_action_required" in desk.types()


# -- trials


def test_a_trial_ends_with_a_payment(desk: Desk) -> None:
    subscription = desk.subscription(trial_period_days=14)
    assert subscription.status == "trialing"
    assert invoices(desk, subscription)[0].total == 0
    desk.advance(12)
    assert desk.types().count("customer.subscription.trial_will_end") == 1
    desk.advance(3)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert invoices(desk, subscription)[0].amount_paid == 2000
    updated = desk.events("customer.subscription.updated")[-1]["data"]["previous_attributes"]
    assert updated["status"] == "trialing"


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")],
)
def test_a_trial_without_a_card_ends_as_agreed(desk: Desk, behaviour: str, status: str) -> None:
    subscription = desk.subscription(
        customer=desk.customer(None),
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behaviour}},
    )
    desk.advance(8)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == status


def test_a_paused_subscription_is_resumed(desk: Desk) -> None:
    customer = desk.customer(None)
    subscription = desk.subscription(
        customer=customer,
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
    )
    desk.advance(8)
    assert "customer.subscription.paused" in desk.types()
    desk.control(f"customers/{customer}/card", card="4242424242424242")
    resumed = desk.v1.subscriptions.resume(subscription.id, {"billing_cycle_anchor": "now"})
    assert resumed.status == "active"
    desk.advance(0.1)
    assert invoices(desk, subscription)[0].status == "paid"


def test_a_trial_can_be_ended_now(desk: Desk) -> None:
    subscription = desk.subscription(trial_period_days=14)
    assert desk.v1.subscriptions.update(subscription.id, {"trial_end": "now"}).status == "active"
    desk.advance(0.1)
    assert invoices(desk, subscription)[0].amount_paid == 2000


# -- ending


def test_cancel_at_the_end_of_the_period(desk: Desk) -> None:
    subscription = desk.subscription()
    changed = desk.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert changed.cancel_at == item_of(changed).current_period_end
    previous = desk.events("customer.subscription.updated")[-1]["data"]["previous_attributes"]
    assert previous == {
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"reason": None},
    }
    desk.advance(32)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert len(invoices(desk, subscription)) == 1


def test_the_cancellation_can_be_taken_back(desk: Desk) -> None:
    subscription = desk.subscription(cancel_at_period_end=True)
    kept = desk.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    desk.advance(32)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_cancel_at_once(desk: Desk) -> None:
    subscription = desk.subscription()
    details = {"cancellation_details": {"feedback": "too_expensive"}}
    ended = desk.v1.subscriptions.cancel(subscription.id, details)
    assert (ended.status, ended.cancellation_details.feedback) == ("canceled", "too_expensive")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.subscriptions.cancel(subscription.id)
    assert refused.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert desk.v1.subscriptions.list().data == []
    assert len(desk.v1.subscriptions.list({"status": "all"}).data) == 1


def test_collection_can_be_paused(desk: Desk) -> None:
    subscription = desk.subscription()
    pause = {"pause_collection": {"behavior": "void"}}
    assert desk.v1.subscriptions.update(subscription.id, pause).status == "active"
    desk.advance(32)
    assert invoices(desk, subscription)[0].status == "void"
    desk.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    desk.advance(31)
    assert invoices(desk, subscription)[0].status == "paid"


def test_deleting_a_customer_ends_what_they_have(desk: Desk) -> None:
    subscription = desk.subscription()
    assert desk.v1.customers.delete(subscription.customer).deleted
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert desk.v1.customers.retrieve(subscription.customer).deleted


# -- collecting by hand


def overdue_invoice(desk: Desk, card: str = "4000000000000341") -> Any:
    customer = desk.customer()
    subscription = desk.subscription(customer=customer)
    desk.control(f"customers/{customer}/card", card=card)
    desk.advance(32)
    return invoices(desk, subscription)[0]


def test_a_try_by_hand_leaves_the_schedule_as_it_is(desk: Desk) -> None:
    before = overdue_invoice(desk)
    with pytest.raises(stripe.CardError):
        desk.v1.invoices.pay(before.id)
    after = desk.v1.invoices.retrieve(before.id)
    assert (after.attempt_count, after.status) == (1, "open")
    assert after.next_payment_attempt == before.next_payment_attempt
    assert desk.types().count("invoice.payment_failed") == 2


def test_an_invoice_that_waits_for_its_owner_is_not_paid(desk: Desk) -> None:
    invoice = overdue_invoice(desk, "4000002760003184")
    with pytest.raises(stripe.CardError) as refused:
        desk.v1.invoices.pay(invoice.id)
    assert refused.value.code == "invoice_payment_intent_requires_action"
    assert desk.v1.invoices.retrieve(invoice.id).status == "open"


def test_without_auto_advance_it_is_not_tried_again(desk: Desk) -> None:
    invoice = overdue_invoice(desk)
    desk.v1.invoices.update(invoice.id, {"auto_advance": False})
    desk.advance(20)
    after = desk.v1.invoices.retrieve(invoice.id)
    assert (after.attempt_count, after.next_payment_attempt) == (1, None)
