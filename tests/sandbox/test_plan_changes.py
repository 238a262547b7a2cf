"""Another plan: at once with the difference paid, at the next period, or only asked about."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import stripe

from .desk import Desk
from .test_subscriptions import invoices, item_of


def change(desk: Desk, subscription: Any, price: str, **more: Any) -> Any:
    items = [{"id": item_of(subscription).id, "price": price}]
    return desk.v1.subscriptions.update(subscription.id, {"items": items, **more})


def preview(desk: Desk, subscription: Any, price: str, **more: Any) -> Any:
    items = [{"id": item_of(subscription).id, "price": price}]
    details = {"items": items, **more}
    return desk.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": details}
    )


def test_the_difference_is_paid_at_once(desk: Desk) -> None:
    subscription, dearer = desk.subscription(price=desk.price(1000)), desk.price(3000)
    desk.advance(15)
    asked = preview(desk, subscription, dearer, proration_behavior="always_invoice")
    changed = change(desk, subscription, dearer, proration_behavior="always_invoice")
    assert changed.status == "active"
    newest = invoices(desk, subscription)[0]
    assert (newest.billing_reason, newest.status) == ("subscription_update", "paid")
    assert newest.amount_paid == asked.amount_due
    assert 900 < newest.amount_paid < 1100
    credit, charge = (line.amount for line in newest.lines.data)
    assert credit < 0 < charge
    assert item_of(changed).current_period_end == item_of(subscription).current_period_end


def test_the_difference_waits_for_the_next_invoice(desk: Desk) -> None:
    subscription, dearer = desk.subscription(price=desk.price(1000)), desk.price(3000)
    desk.advance(15)
    asked = preview(desk, subscription, dearer)
    change(desk, subscription, dearer)
    assert len(invoices(desk, subscription)) == 1
    desk.advance(17)
    assert invoices(desk, subscription)[0].amount_paid == asked.amount_due
    assert asked.amount_due > 3900


def test_without_proration_the_next_invoice_is_plain(desk: Desk) -> None:
    subscription, dearer = desk.subscription(price=desk.price(1000)), desk.price(3000)
    change(desk, subscription, dearer, proration_behavior="none")
    desk.advance(32)
    assert invoices(desk, subscription)[0].amount_paid == 3000


def test_a_cheaper_plan_leaves_credit(desk: Desk) -> None:
    subscription, cheaper = desk.subscription(price=desk.price(3000)), desk.price(1000)
    change(desk, subscription, cheaper, proration_behavior="always_invoice")
    balance = desk.v1.customers.retrieve(subscription.customer).balance
    assert -2001 <= balance <= -1990
    desk.advance(32)
    assert invoices(desk, subscription)[0].amount_paid == 0
    assert desk.v1.customers.retrieve(subscription.customer).balance == balance + 1000


def test_another_interval_starts_a_new_period_and_bills_it(desk: Desk) -> None:
    subscription = desk.subscription(price=desk.price(1000))
    yearly = desk.price(10_000, interval="year")
    changed = change(desk, subscription, yearly)
    newest = invoices(desk, subscription)[0]
    assert 8990 <= newest.amount_paid <= 9010
    period = item_of(changed).current_period_end - item_of(changed).current_period_start
    assert period > 364 * 86400


def test_a_preview_changes_nothing(desk: Desk) -> None:
    subscription = desk.subscription()
    before = desk.types()
    asked = preview(desk, subscription, desk.price(9000), proration_behavior="always_invoice")
    assert asked.id.startswith("upcoming_in_")
    assert asked.status == "draft"
    assert [t for t in desk.types() if t not in ("product.created", "price.created")] == [
        t for t in before if t not in ("product.created", "price.created")
    ]
    assert item_of(desk.v1.subscriptions.retrieve(subscription.id)).price.unit_amount == 2000


def test_a_preview_of_what_ends_is_refused(desk: Desk) -> None:
    subscription = desk.subscription(cancel_at_period_end=True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.invoices.create_preview({"subscription": subscription.id})
    assert refused.value.code == "invoice_upcoming_none"


def test_quantities_and_further_items(desk: Desk) -> None:
    subscription = desk.subscription(price=desk.price(1000))
    item = item_of(subscription).id
    desk.v1.subscription_items.update(item, {"quantity": 3, "proration_behavior": "none"})
    extra = desk.v1.subscription_items.create(
        {"subscription": subscription.id, "price": desk.price(500), "proration_behavior": "none"}
    )
    desk.advance(32)
    assert invoices(desk, subscription)[0].amount_paid == 3500
    desk.v1.subscription_items.delete(extra.id, {"proration_behavior": "none"})
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.subscription_items.delete(item)


def test_a_declined_difference_makes_it_past_due(desk: Desk) -> None:
    customer = desk.customer()
    subscription = desk.subscription(customer=customer, price=desk.price(1000))
    desk.control(f"customers/{customer}/card", card="4000000000000341")
    dearer = desk.price(9000)
    with pytest.raises(stripe.CardError):
        change(
            desk,
            subscription,
            dearer,
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )
    assert item_of(desk.v1.subscriptions.retrieve(subscription.id)).price.unit_amount == 1000
    change(desk, subscription, dearer, proration_behavior="always_invoice")
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "past_due"


# -- schedules


def scheduled(desk: Desk, subscription: Any, then: str, **more: Any) -> Any:
    made = desk.v1.subscription_schedules.create({"from_subscription": subscription.id})
    now = made.phases[0]
    phases = [
        {
            "start_date": now.start_date,
            "end_date": now.end_date,
            "items": [{"price": item_of(subscription).price.id, "quantity": 1}],
        },
        {"items": [{"price": then, "quantity": 1}], "duration": {"interval": "month"}},
    ]
    return desk.v1.subscription_schedules.update(made.id, {"phases": phases, **more})


def test_a_scheduled_downgrade_comes_with_the_renewal(desk: Desk) -> None:
    subscription, cheaper = desk.subscription(price=desk.price(3000)), desk.price(1000)
    schedule = scheduled(desk, subscription, cheaper)
    assert desk.v1.subscriptions.retrieve(subscription.id).schedule == schedule.id
    assert item_of(desk.v1.subscriptions.retrieve(subscription.id)).price.unit_amount == 3000
    desk.advance(32)
    changed = desk.v1.subscriptions.retrieve(subscription.id)
    assert item_of(changed).price.id == cheaper
    newest = invoices(desk, subscription)[0]
    assert [line.amount for line in newest.lines.data] == [1000]
    desk.advance(31)
    assert desk.v1.subscription_schedules.retrieve(schedule.id).status == "released"
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_a_schedule_can_be_released(desk: Desk) -> None:
    subscription = desk.subscription(price=desk.price(3000))
    schedule = scheduled(desk, subscription, desk.price(1000))
    released = desk.v1.subscription_schedules.release(schedule.id)
    assert (released.status, released.released_subscription) == ("released", subscription.id)
    desk.advance(32)
    assert invoices(desk, subscription)[0].amount_paid == 3000
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.subscription_schedules.release(schedule.id)


def test_a_schedule_may_end_the_subscription(desk: Desk) -> None:
    subscription = desk.subscription()
    scheduled(desk, subscription, desk.price(1000), end_behavior="cancel")
    desk.advance(64)
    assert desk.v1.subscriptions.retrieve(subscription.id).status == "canceled"


def test_one_schedule_per_subscription(desk: Desk) -> None:
    subscription = desk.subscription()
    desk.v1.subscription_schedules.create({"from_subscription": subscription.id})
    with pytest.raises(stripe.InvalidRequestError, match="already attached to a schedule"):
        desk.v1.subscription_schedules.create({"from_subscription": subscription.id})


def test_a_schedule_keeps_others_from_ending_its_subscription(desk: Desk) -> None:
    subscription = desk.subscription(price=desk.price(3000))
    schedule = scheduled(desk, subscription, desk.price(1000))
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        desk.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    desk.v1.subscription_schedules.release(schedule.id)
    changed = desk.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert changed.cancel_at_period_end is True


# -- what is shown is what is charged


def test_a_preview_tells_from_when_it_counts_and_a_change_can_count_from_there(
    desk: Desk,
) -> None:
    subscription, dearer = desk.subscription(price=desk.price(1000)), desk.price(9000)
    desk.advance(10)
    asked = preview(desk, subscription, dearer, proration_behavior="always_invoice")
    counted_from = asked.parent.subscription_details.subscription_proration_date
    desk.advance(5)
    change(
        desk,
        subscription,
        dearer,
        proration_behavior="always_invoice",
        proration_date=counted_from,
    )
    assert invoices(desk, subscription)[0].amount_paid == asked.amount_due


def test_a_difference_is_counted_within_the_period_only(desk: Desk) -> None:
    subscription, dearer = desk.subscription(price=desk.price(1000)), desk.price(9000)
    before = item_of(subscription).current_period_start - 1
    with pytest.raises(stripe.InvalidRequestError) as refused:
        change(
            desk,
            subscription,
            dearer,
            proration_behavior="always_invoice",
            proration_date=before,
        )
    assert refused.value.param == "proration_date"


def test_a_preview_counts_credit_from_before(desk: Desk) -> None:
    subscription = desk.subscription(price=desk.price(3000))
    change(desk, subscription, desk.price(1000), proration_behavior="always_invoice")
    dearer = desk.price(9000)
    asked = preview(desk, subscription, dearer, proration_behavior="always_invoice")
    change(desk, subscription, dearer, proration_behavior="always_invoice")
    newest = invoices(desk, subscription)[0]
    assert asked.starting_balance < 0
    assert newest.amount_paid == asked.amount_due < newest.total


def test_a_bank_that_asks_its_owner_leaves_the_plan_as_it_was(desk: Desk) -> None:
    customer = desk.customer()
    subscription = desk.subscription(customer=customer, price=desk.price(1000))
    desk.control(f"customers/{customer}/card", card="4000002760003184")
    with pytest.raises(stripe.CardError) as refused:
        change(
            desk,
            subscription,
            desk.price(9000),
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )
    assert refused.value.code == "subscription_payment_intent_requires_action"
    assert item_of(desk.v1.subscriptions.retrieve(subscription.id)).price.unit_amount == 1000


def test_an_answer_says_when_it_was_given_by_the_clock_of_the_events(desk: Desk) -> None:
    subscription = desk.subscription()
    desk.advance(3)
    changed = desk.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    given = parsedate_to_datetime(changed.last_response.headers["Date"]).timestamp()
    assert 0 <= given - desk.events("customer.subscription.updated")[-1]["created"] <= 2


# --- changes that wait until they are paid for ----------------------------------------------------

ASKING = "4000002760003184"


def wait_for_bank(desk: Desk, card: str = ASKING, **more: Any) -> Any:
    """A change that the bank wants the card's owner to confirm."""
    customer = desk.customer()
    subscription = desk.subscription(customer=customer, price=desk.price(1000))
    desk.control(f"customers/{customer}/card", card=card)
    return change(
        desk,
        subscription,
        desk.price(9000),
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
        **more,
    )


def intent_of(desk: Desk, subscription: Any) -> str:
    invoice = desk.v1.invoices.retrieve(subscription.latest_invoice, {"expand": ["payments"]})
    return str(invoice.to_dict()["payments"]["data"][0]["payment"]["payment_intent"])


def price_now(desk: Desk, subscription: Any) -> int | None:
    return item_of(desk.v1.subscriptions.retrieve(subscription.id)).price.unit_amount


def test_a_change_waits_for_the_bank(desk: Desk) -> None:
    waiting = wait_for_bank(desk, metadata={"ours": "1"})
    assert (waiting.status, item_of(waiting).price.unit_amount) == ("active", 1000)
    assert waiting.pending_update.subscription_items[0].price.unit_amount == 9000
    newest = invoices(desk, waiting)[0]
    assert (newest.id, newest.status) == (waiting.latest_invoice, "open")
    desk.control(f"payment_intents/{intent_of(desk, waiting)}/authenticate", succeed=True)
    now = desk.v1.subscriptions.retrieve(waiting.id)
    assert (now.pending_update, item_of(now).price.unit_amount) == (None, 9000)
    assert now.metadata.to_dict()["ours"] == "1"
    assert "customer.subscription.pending_update_applied" in desk.types()


def test_a_change_that_nobody_confirms_is_dropped_after_23_hours(desk: Desk) -> None:
    waiting = wait_for_bank(desk)
    desk.advance(0.9)
    assert invoices(desk, waiting)[0].status == "open"
    desk.advance(0.1)
    now = desk.v1.subscriptions.retrieve(waiting.id)
    assert (now.pending_update, now.status, price_now(desk, now)) == (None, "active", 1000)
    assert invoices(desk, waiting)[0].status == "void"
    assert "customer.subscription.pending_update_expired" in desk.types()


def test_voiding_its_invoice_takes_a_waiting_change_back(desk: Desk) -> None:
    waiting = wait_for_bank(desk)
    desk.v1.invoices.void_invoice(waiting.latest_invoice)
    now = desk.v1.subscriptions.retrieve(waiting.id)
    assert (now.pending_update, price_now(desk, now)) == (None, 1000)


def test_a_declined_change_waits_too_and_harms_nothing(desk: Desk) -> None:
    waiting = wait_for_bank(desk, card="4000000000000341")
    assert (waiting.status, waiting.pending_update is None) == ("active", False)
    assert invoices(desk, waiting)[0].next_payment_attempt is None


def test_a_change_that_is_paid_at_once_does_not_wait(desk: Desk) -> None:
    changed = wait_for_bank(desk, card="4242424242424242")
    assert (changed.pending_update, item_of(changed).price.unit_amount) == (None, 9000)


def test_not_everything_can_wait(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        wait_for_bank(desk, cancel_at_period_end=True)
    assert refused.value.param == "cancel_at_period_end"
