"""Starting a subscription: its items, its first period, its first invoice."""

from typing import Any

from sandbox.api.metadata import merged
from sandbox.errors import InvalidRequest, StripeError
from sandbox.webhooks.events import emit
from sandbox.world.rows import Obj, World

from .discounts import make_discount
from .invoice_collection import collect, default_method
from .invoice_lines import add_up, described, from_subscription, make_line
from .invoice_making import finalize, new_invoice
from .pending_items import bill_pending, make_pending
from .periods import DAY, end_after
from .subscription_items import check_together, make_item, price_of, show_items

_LONGEST_TRIAL = 730
TRIAL_NOTICE = 3 * DAY


def trial_end_of(world: World, params: dict[str, Any]) -> int | None:
    now, days, end = world.now(), params.get("trial_period_days"), params.get("trial_end")
    if days is not None and end is not None:
        raise InvalidRequest(
            "You may only specify one of these parameters: trial_end, trial_period_days."
        )
    if days is not None:
        if not 1 <= days <= _LONGEST_TRIAL:
            bound = "at least 1" if days < 1 else f"at most {_LONGEST_TRIAL}"
            raise InvalidRequest(
                f"Invalid trial_period_days: must be {bound} days", "trial_period_days"
            )
        return now + days * DAY
    if end in (None, "now"):
        return None
    if end <= now:
        raise InvalidRequest(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end"
        )
    return end


def new_subscription(world: World, customer: Obj, params: dict[str, Any]) -> Obj:
    """A subscription with items that has neither been billed nor announced."""
    wanted = params.get("items") or []
    prices = [price_of(world, item, f"items[{n}]") for n, item in enumerate(wanted)]
    if not prices:
        raise InvalidRequest("Missing required param: items.", "items", "parameter_missing")
    check_together(prices)
    now, trial_end = world.now(), trial_end_of(world, params)
    anchor = _anchor(params, prices[0]["recurring"], now, trial_end)
    end = trial_end or end_after(anchor, prices[0]["recurring"], now)
    subscription = world.new(
        "subscription",
        customer=customer["id"],
        currency=prices[0]["currency"],
        metadata=merged({}, params.get("metadata")),
        description=params.get("description"),
        collection_method=params.get("collection_method", "charge_automatically"),
        days_until_due=params.get("days_until_due"),
        default_payment_method=params.get("default_payment_method"),
        cancel_at_period_end=bool(params.get("cancel_at_period_end")),
        start_date=now,
        billing_cycle_anchor=anchor,
        trial_start=now if trial_end else None,
        trial_end=trial_end,
        discounts=[],
        default_tax_rates=[],
        test_clock=customer["test_clock"],
        status="trialing" if trial_end else "incomplete",
    )
    _set_behaviour(subscription, params, end)
    world.add(subscription)
    items = [
        make_item(world, subscription, price, item, (now, end))
        for price, item in zip(prices, wanted, strict=True)
    ]
    show_items(world, subscription, items)
    _discount(world, subscription, params)
    return subscription


def _discount(world: World, subscription: Obj, params: dict[str, Any]) -> None:
    for discount in params.get("discounts") or []:
        made = make_discount(
            world, discount, subscription["customer"], subscription["currency"],
            subscription=subscription["id"],
        )  # fmt: skip
        subscription["discounts"].append(made["id"])


def _anchor(
    params: dict[str, Any], recurring: dict[str, Any], now: int, trial_end: int | None
) -> int:
    anchor = params.get("billing_cycle_anchor")
    if anchor is None:
        return trial_end or now
    if not now < anchor <= end_after(now, recurring, now):
        raise InvalidRequest(
            "billing_cycle_anchor must be in the future, and cannot be later than next natural"
            " billing date for plan",
            "billing_cycle_anchor",
        )
    return anchor


def _set_behaviour(subscription: Obj, params: dict[str, Any], end: int) -> None:
    trial = (params.get("trial_settings") or {}).get("end_behavior") or {}
    if trial:
        subscription["trial_settings"] = {"end_behavior": dict(trial)}
    payment = params.get("payment_settings") or {}
    if "save_default_payment_method" in payment:
        saved = payment["save_default_payment_method"]
        subscription["payment_settings"]["save_default_payment_method"] = saved
    tax = params.get("automatic_tax") or {}
    subscription["automatic_tax"] = {
        "disabled_reason": None, "enabled": bool(tax.get("enabled")), "liability": None,
    }  # fmt: skip
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = end
    elif isinstance(params.get("cancel_at"), int):
        subscription["cancel_at"] = params["cancel_at"]


def first_invoice(world: World, customer: Obj, subscription: Obj, one_time: list[Obj]) -> Obj:
    """A draft for the first period; a trial's is for nothing."""
    invoice = new_invoice(
        world, customer, subscription["currency"], "subscription_create", subscription
    )
    world.add(invoice)
    for extra in one_time:
        price, quantity = extra["price"], extra["quantity"]
        make_pending(
            world,
            customer["id"],
            price["unit_amount"] * quantity,
            price["currency"],
            world.rows[price["product"]].body["name"],
            price=price,
            quantity=quantity,
        )
    bill_pending(world, invoice, subscription["id"])
    trial = subscription["status"] == "trialing"
    share = first_share(subscription)
    for item in subscription["items"]["data"]:
        price, quantity = item["price"], item["quantity"]
        name = world.rows[price["product"]].body["name"]
        text = f"Trial period for {name}" if trial else described(world, price, quantity)
        amount = 0 if trial else int((price["unit_amount"] or 0) * quantity * share + 0.5)
        make_line(
            world, invoice, amount=amount, description=text, price=price, quantity=quantity,
            period=(item["current_period_start"], item["current_period_end"]),
            parent=from_subscription(subscription["id"], item["id"]),
            metadata=subscription["metadata"],
        )  # fmt: skip
    invoice["discounts"] = list(subscription["discounts"])
    add_up(world, invoice)
    subscription["latest_invoice"] = invoice["id"]
    emit(world, "invoice.created", invoice)
    return invoice


def first_share(subscription: Obj) -> float:
    """The part of a whole period that comes before the anchor."""
    item = subscription["items"]["data"][0]
    start, end = item["current_period_start"], item["current_period_end"]
    if subscription["trial_end"] or subscription["billing_cycle_anchor"] == start:
        return 1.0
    whole = end_after(end, item["price"]["recurring"], end) - end
    return min(1.0, (end - start) / whole)


def announce(world: World, subscription: Obj) -> None:
    """Tell that it exists, with the status that it has by now."""
    world.notes(subscription["id"])["announced"] = True
    emit(world, "customer.subscription.created", subscription)
    if subscription["status"] == "trialing":
        tell_trial_end(world, subscription)


def tell_trial_end(world: World, subscription: Obj) -> None:
    """Three days before the end, or at once when the trial is shorter; once."""
    notes = world.notes(subscription["id"])
    told = notes.get("trial_notice") == subscription["trial_end"]
    if not told and subscription["trial_end"] - TRIAL_NOTICE <= world.now():
        notes["trial_notice"] = subscription["trial_end"]
        emit(world, "customer.subscription.trial_will_end", subscription)


def bill_first(
    world: World, subscription: Obj, invoice: Obj, method: Obj | None, behaviour: str
) -> StripeError | None:
    """Finalise and collect the first invoice. A decline is returned."""
    if invoice["collection_method"] == "send_invoice":
        invoice["automatically_finalizes_at"] = world.now() + 3600
        invoice["due_date"] = world.now() + (subscription["days_until_due"] or 30) * DAY
        if subscription["status"] == "incomplete":
            subscription["status"] = "active"
        return None
    finalize(world, invoice)
    if invoice["status"] == "paid":
        if subscription["status"] == "incomplete":
            subscription["status"] = "active"
        return None
    if behaviour == "default_incomplete":
        return None
    if method is None and default_method(world, invoice) is None:
        raise InvalidRequest(
            "This customer has no attached payment source or default payment method. Please"
            " consider adding a default payment method. For more information, visit"
            " https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
            code="resource_missing",
        )
    return collect(world, invoice, method)
