"""What time does to a subscription: trials end, periods renew, ends arrive."""

from typing import Any

from sandbox.webhooks.events import changing, emit
from sandbox.world.clock import DRAFT_SECONDS
from sandbox.world.rows import Obj, World
from sandbox.world.schedule import scheduled

from .discounts import still_running
from .invoice_collection import default_method
from .invoice_lines import add_up, described, from_subscription, make_line
from .invoice_making import new_invoice
from .pending_items import bill_pending
from .pending_updates import discard
from .periods import DAY, end_after
from .schedule_phases import enter_due_phase
from .subscription_end import ENDED, end_subscription, stop_collecting
from .subscription_items import move_periods, period_end, recurring_of
from .subscription_start import TRIAL_NOTICE, tell_trial_end

_INCOMPLETE_SECONDS = 23 * 3600


def _due(body: Obj, notes: dict[str, Any]) -> int | None:
    status = body["status"]
    if status in ENDED or not body["items"]["data"]:
        return None
    times = [body["cancel_at"]] if body["cancel_at"] else []
    if status == "incomplete":
        return body["created"] + _INCOMPLETE_SECONDS
    if status == "trialing":
        times.append(body["trial_end"])
        if notes.get("trial_notice") != body["trial_end"]:
            times.append(body["trial_end"] - TRIAL_NOTICE)
    elif status != "paused":
        times.append(period_end(body))
    if body["pending_update"]:
        times.append(body["pending_update"]["expires_at"])
    paused = body["pause_collection"]
    if paused and paused["resumes_at"]:
        times.append(paused["resumes_at"])
    return min(times) if times else None


@scheduled("subscription", _due)
def pass_time(world: World, subscription: Obj) -> None:
    """One thing that is due now; what else is due follows on the next turn."""
    now = world.now()
    status = subscription["status"]
    if status == "incomplete":
        _expire(world, subscription)
    elif _has_waited_enough(subscription, now):
        discard(world, subscription)
    elif subscription["cancel_at"] and subscription["cancel_at"] <= now:
        end_subscription(world, subscription)
    elif _resumes(subscription, now):
        with changing(world, "customer.subscription.updated", subscription):
            subscription["pause_collection"] = None
    elif status == "trialing" and subscription["trial_end"] > now:
        tell_trial_end(world, subscription)
    elif status == "trialing":
        end_trial(world, subscription)
    else:
        renew_or_end(world, subscription)


def renew_or_end(world: World, subscription: Obj) -> None:
    """A schedule that has come to its end may have meant the end of the subscription."""
    enter_due_phase(world, subscription)
    if subscription["status"] not in ENDED:
        renew(world, subscription)


def _has_waited_enough(subscription: Obj, now: int) -> bool:
    waits = subscription["pending_update"]
    return bool(waits and waits["expires_at"] <= now)


def _resumes(subscription: Obj, now: int) -> bool:
    paused = subscription["pause_collection"]
    return bool(paused and paused["resumes_at"] and paused["resumes_at"] <= now)


def _expire(world: World, subscription: Obj) -> None:
    with changing(world, "customer.subscription.updated", subscription):
        subscription.update(status="incomplete_expired", ended_at=world.now())
    stop_collecting(world, subscription)
    invoice = world.find("invoice", subscription["latest_invoice"])
    if invoice and invoice["status"] == "open":
        invoice["status"] = "void"
        invoice["status_transitions"]["voided_at"] = world.now()
        emit(world, "invoice.voided", invoice)


def end_trial(world: World, subscription: Obj) -> None:
    """The first period to pay for begins; without a card it depends on what was agreed."""
    draft = {"parent": _parent(subscription), "customer": subscription["customer"],
             "default_payment_method": None}  # fmt: skip
    automatic = subscription["collection_method"] == "charge_automatically"
    if automatic and default_method(world, draft) is None:
        behaviour = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
        if behaviour == "cancel":
            end_subscription(world, subscription, reason=None)
            return
        if behaviour == "pause":
            with changing(world, "customer.subscription.updated", subscription):
                subscription["status"] = "paused"
            emit(world, "customer.subscription.paused", subscription)
            return
    renew(world, subscription, status="active")


def _parent(subscription: Obj) -> dict[str, Any]:
    return {"subscription_details": {"subscription": subscription["id"]}}


def renew(world: World, subscription: Obj, status: str | None = None) -> Obj:
    """Begin the next period and draft its invoice, to be finalised in an hour."""
    start = period_end(subscription)
    with changing(world, "customer.subscription.updated", subscription):
        end = end_after(subscription["billing_cycle_anchor"], recurring_of(subscription), start)
        move_periods(world, subscription, start, end)
        if status:
            subscription["status"] = status
        invoice = cycle_invoice(world, subscription, start, end)
        subscription["latest_invoice"] = invoice["id"]
    return invoice


def cycle_invoice(world: World, subscription: Obj, start: int, end: int) -> Obj:
    customer = world.get("customer", subscription["customer"])
    invoice = new_invoice(
        world, customer, subscription["currency"], "subscription_cycle", subscription
    )
    invoice["automatically_finalizes_at"] = world.now() + DRAFT_SECONDS
    if subscription["collection_method"] == "send_invoice":
        invoice["due_date"] = world.now() + (subscription["days_until_due"] or 30) * DAY
    world.add(invoice)
    for item in subscription["items"]["data"]:
        price, quantity = item["price"], item["quantity"]
        make_line(
            world, invoice, amount=(price["unit_amount"] or 0) * quantity, price=price,
            description=described(world, price, quantity), quantity=quantity, period=(start, end),
            parent=from_subscription(subscription["id"], item["id"]),
            metadata=subscription["metadata"],
        )  # fmt: skip
    bill_pending(world, invoice, subscription["id"])
    invoice["discounts"] = [
        id_ for id_ in subscription["discounts"] if still_running(world, world.rows[id_].body)
    ]
    add_up(world, invoice)
    _hold_back(world, subscription, invoice)
    emit(world, "invoice.created", invoice)
    return invoice


def _hold_back(world: World, subscription: Obj, invoice: Obj) -> None:
    """While collection is paused, or payment was given up, invoices are not collected."""
    paused = subscription["pause_collection"]
    if subscription["status"] == "unpaid" or (paused and paused["behavior"] == "keep_as_draft"):
        invoice.update(auto_advance=False, automatically_finalizes_at=None)
    elif paused:
        void = paused["behavior"] == "void"
        invoice.update(
            auto_advance=False,
            automatically_finalizes_at=None,
            status="void" if void else "uncollectible",
        )
        moved = "voided_at" if void else "marked_uncollectible_at"
        invoice["status_transitions"][moved] = world.now()
