"""Collecting what an invoice asks for, and asking again when the card said no."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sandbox.errors import InvalidRequest, StripeError
from sandbox.webhooks.events import changing, emit
from sandbox.world.rows import Obj, World
from sandbox.world.schedule import scheduled

from .confirmation import confirm
from .invoice_making import finalize, mark_paid, subscription_of
from .invoice_payments import open_payment
from .pending_updates import apply, waits_for
from .settled import when_settled
from .subscription_end import after_last_retry

# The first try and three more, at these distances.
_RETRY_DAYS = (3, 5, 7)
DAY = 24 * 3600


def default_method(world: World, invoice: Obj) -> Obj | None:
    """The invoice's own method, or its subscription's, or the customer's."""
    subscription = world.find("subscription", subscription_of(invoice)) or {}
    customer = world.get("customer", invoice["customer"])
    for id_ in (
        invoice["default_payment_method"],
        subscription.get("default_payment_method"),
        customer["invoice_settings"]["default_payment_method"],
    ):
        if method := world.find("payment_method", id_):
            return method
    return None


def collect(
    world: World, invoice: Obj, method: Obj | None = None, *, renewal: bool = False
) -> StripeError | None:
    """Try to get an open invoice paid. A decline is noted and returned."""
    payment = open_payment(world, invoice)
    if payment is None:
        return None
    intent = world.get("payment_intent", payment["payment"]["payment_intent"])
    # Tries by hand count as the first one alone: they leave the schedule of retries as it is.
    by_hand = not renewal and invoice["attempt_count"] > 0
    invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + (not by_hand))
    world.notes(invoice["id"]).update(renewal=renewal, by_hand=by_hand)
    chosen = method or default_method(world, invoice)
    if chosen is None:
        _failed(world, invoice)
        return _no_method()
    return confirm(world, intent, chosen)


def _no_method() -> InvalidRequest:
    error = InvalidRequest(
        "There is no `default_payment_method` set on this Customer or Invoice. Please set a default"
        " payment method.",
        code="invoice_no_payment_method_types",
    )
    error.keeps_changes = True
    return error


@when_settled
def invoice_heard(world: World, intent: Obj) -> None:
    invoice = world.find("invoice", world.rows[intent["id"]].notes.get("invoice"))
    if invoice is None or invoice["status"] != "open":
        return
    if intent["status"] == "succeeded":
        _paid(world, invoice, intent)
    elif intent["status"] == "requires_payment_method":
        _failed(world, invoice)
    elif intent["status"] == "requires_action":
        emit(world, "invoice.payment_action_required", invoice)
        if world.rows[invoice["id"]].notes.get("renewal"):
            _failed(world, invoice)


def _paid(world: World, invoice: Obj, intent: Obj) -> None:
    if payment := open_payment(world, invoice):
        payment.update(status="paid", amount_paid=intent["amount"])
        payment["status_transitions"]["paid_at"] = world.now()
        emit(world, "invoice_payment.paid", payment)
    mark_paid(world, invoice, intent["amount"])
    subscription = world.find("subscription", subscription_of(invoice))
    if subscription and subscription["status"] in ("incomplete", "past_due", "unpaid"):
        with changing_unless_new(world, subscription):
            subscription["status"] = "active"
    if subscription and waits_for(subscription, invoice):
        apply(world, subscription)


def changing_unless_new(world: World, subscription: Obj) -> AbstractContextManager[Any]:
    """A subscription that nobody has been told of yet is told of once, when it is made."""
    if world.rows[subscription["id"]].notes.get("announced"):
        return changing(world, "customer.subscription.updated", subscription)
    return nullcontext()


def _failed(world: World, invoice: Obj) -> None:
    notes = world.rows[invoice["id"]].notes
    if notes.get("by_hand") or notes.get("change_waits"):
        emit(world, "invoice.payment_failed", invoice)
        return
    count, retries = invoice["attempt_count"], len(_RETRY_DAYS)
    retried = invoice["billing_reason"] != "subscription_create" and count <= retries
    automatic = invoice["collection_method"] == "charge_automatically"
    subscription = world.find("subscription", subscription_of(invoice))
    if retried and automatic and subscription and invoice["auto_advance"]:
        invoice["next_payment_attempt"] = world.now() + _RETRY_DAYS[count - 1] * DAY
    else:
        invoice["next_payment_attempt"] = None
    emit(world, "invoice.payment_failed", invoice)
    if subscription is None or subscription["status"] == "incomplete":
        return
    if subscription["status"] == "active":
        with changing(world, "customer.subscription.updated", subscription):
            subscription["status"] = "past_due"
    if count > retries and subscription["status"] == "past_due":
        after_last_retry(world, subscription)


def _due(body: Obj, notes: dict[str, Any]) -> int | None:
    if body["status"] == "draft" and body["auto_advance"]:
        return body["automatically_finalizes_at"]
    collected = body["status"] == "open" and body["auto_advance"]
    return body["next_payment_attempt"] if collected else None


@scheduled("invoice", _due)
def advance_invoice(world: World, invoice: Obj) -> None:
    """Finalise a draft whose hour is over and collect it; or try an unpaid one again."""
    if invoice["status"] == "draft":
        finalize(world, invoice)
        if invoice["collection_method"] == "send_invoice":
            emit(world, "invoice.sent", invoice)
            return
    if invoice["status"] == "open":
        collect(world, invoice, renewal=True)
