"""Stripe's troubles, our calls, and what every pair of them must end in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from billing import customers, duplicates, sweeping
from billing.models import Customer
from billing.operations.models import Operation
from billing.providers.stripe.hurry import breaker
from sessions_live.models import User
from tests.billing.conftest import Shop

TWICE = {"times": 2}  # the call, and its one repetition
QUICK: dict[str, dict[str, Any]] = {
    "500": {"mode": "status", "status": 500, **TWICE},
    "502 not to be repeated": {"mode": "status", "status": 502, "retry_header": False},
    "429": {"mode": "status", "status": 429},
    "429 to be repeated": {"mode": "status", "status": 429, "retry_header": True, **TWICE},
    "429 and when": {"mode": "status", "status": 429, "retry_after": 20},
    "409": {"mode": "status", "status": 409, **TWICE},
    "reset before": {"mode": "reset_before", **TWICE},
    "reset after": {"mode": "reset_after", **TWICE},
}
SLOW: dict[str, dict[str, Any]] = {
    "503": {"mode": "status", "status": 503, **TWICE},
    "time-out": {"mode": "delay", "seconds": 6, **TWICE},
    "slow drip": {"mode": "slow_drip", "seconds": 60, **TWICE},
}
FAULTS = QUICK | SLOW
# In the gate each call meets these; the checkout meets all that are quick.
GATE = ("500", "429 and when", "reset after")


@dataclass(frozen=True, slots=True)
class Call:
    """`objects` counts what Stripe has of it in the end."""

    kind: str
    path: str
    prepare: Callable[[Shop, User], None]
    make: Callable[[Shop, User], Any]
    objects: Callable[[Shop, User], int]


def check_out(shop: Shop, user: User) -> int:
    return int(shop.client(user).post("/api/v1/checkout-sessions", {"tier": "pro"}).status_code)


def become_customer(shop: Shop, user: User) -> None:
    customers.ensure_customer(user, "stripe")


def buy_twice(shop: Shop, user: User) -> None:
    """In two tabs, paid at the same time: Stripe has two subscriptions now."""
    shop.stripe.control(
        "faults", match="POST /v1/checkout/sessions/.*/expire", mode="status", times=9, status=400
    )
    first, second = shop.checkout(user, "trader"), shop.checkout(user, "pro")
    for session_id in (first, second):
        shop.stripe.pay(session_id).raise_for_status()
        shop.look_back(user, session_id)
    shop.stripe.http.delete("/_sandbox/faults")


def cancel_duplicate(shop: Shop, user: User) -> None:
    sweeping.cancel_duplicates()


def of_customer(shop: Shop, user: User, what: str, **filters: str) -> list[dict[str, Any]]:
    theirs = Customer.objects.get(user=user).provider_id
    found: list[dict[str, Any]] = shop.stripe.get(what, customer=theirs, **filters)["data"]
    return found


def subscribe(shop: Shop, user: User) -> None:
    shop.look_back(user, shop.buy(user, "trader"))


def ask_for(path: str, **body: Any) -> Callable[[Shop, User], int]:
    def ask(shop: Shop, user: User) -> int:
        return int(shop.client(user).post(f"/api/v1/{path}", body, format="json").status_code)

    return ask


def ending(shop: Shop, user: User) -> int:
    return sum(each["cancel_at_period_end"] for each in of_customer(shop, user, "subscriptions"))


def charged_for_the_change(shop: Shop, user: User) -> int:
    reasons = [each["billing_reason"] for each in of_customer(shop, user, "invoices")]
    return reasons.count("subscription_update")


def change_with_a_bank_that_asks(shop: Shop, user: User) -> None:
    subscribe(shop, user)
    use_card(shop, user, "4000002760003184")


def use_card(shop: Shop, user: User, number: str) -> None:
    theirs = Customer.objects.get(user=user).provider_id
    shop.stripe.control(f"customers/{theirs}/card", card=number).raise_for_status()


def fall_behind(shop: Shop, user: User) -> None:
    """A period that begins today is not paid; and then there is a card that works."""
    subscribe(shop, user)
    use_card(shop, user, "4000000000000341")
    known = {each["id"] for each in shop.stripe.events()}
    (theirs,) = of_customer(shop, user, "subscriptions")
    begun = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
    shop.stripe.stripe.post(f"/v1/subscriptions/{theirs['id']}", data=begun).raise_for_status()
    shop.hear(*[each for each in shop.stripe.events() if each["id"] not in known])
    use_card(shop, user, "4242424242424242")


def paid_invoices(shop: Shop, user: User) -> int:
    """But for the first, which the checkout paid; and no charge that paid nothing."""
    paid = len(of_customer(shop, user, "invoices", status="paid")) - 1
    charges = of_customer(shop, user, "charges")
    return paid if sum(each["paid"] for each in charges) - 1 == paid else -1


def pay_somebody(shop: Shop, user: User) -> int:
    payee = shop.person()
    agreed = {"payee": payee.email, "amount": 1000, "currency": "usd", "description": "geese"}
    return ask_for("escrow-payments", **agreed)(shop, user)


def intents(shop: Shop, user: User) -> int:
    return len(of_customer(shop, user, "payment_intents"))


CALLS = (
    Call(
        "customer.create",
        "POST /v1/customers",
        lambda shop, user: None,
        check_out,
        lambda shop, user: len(shop.stripe.get("customers", email=user.email)["data"]),
    ),
    Call(
        "checkout.open",
        "POST /v1/checkout/sessions",
        become_customer,
        check_out,
        lambda shop, user: len(of_customer(shop, user, "checkout/sessions")),
    ),
    Call(
        duplicates.KIND,
        "DELETE /v1/subscriptions/.*",
        buy_twice,
        cancel_duplicate,
        lambda shop, user: len(of_customer(shop, user, "subscriptions", status="canceled")),
    ),
    Call(
        "subscription.move",
        "POST /v1/subscriptions/.*",
        subscribe,
        ask_for("subscription/cancel"),
        ending,
    ),
    Call(
        "subscription.move",
        "POST /v1/subscriptions/.*",
        subscribe,
        ask_for("subscription/change", tier="pro", interval="month"),
        charged_for_the_change,
    ),
    Call(
        "subscription.move",
        "POST /v1/subscriptions/.*",
        change_with_a_bank_that_asks,
        ask_for("subscription/change", tier="pro", interval="month"),
        charged_for_the_change,
    ),
    Call(
        "invoice.pay",
        "POST /v1/invoices/.*/pay",
        fall_behind,
        ask_for("subscription/pay"),
        paid_invoices,
    ),
    Call(
        "intent.open",
        "POST /v1/payment_intents",
        become_customer,
        ask_for("payment-intents", item_id="tip"),
        intents,
    ),
    Call("escrow.open", "POST /v1/payment_intents", become_customer, pay_somebody, intents),
)


def suffer(shop: Shop, user: User, call: Call, fault: dict[str, Any]) -> float:
    """Makes the call in trouble; the seconds that it took."""
    breaker.close()
    call.prepare(shop, user)
    shop.stripe.control("faults", match=call.path, **fault).raise_for_status()
    started = time.monotonic()
    call.make(shop, user)
    took = time.monotonic() - started
    shop.stripe.http.delete("/_sandbox/faults")
    return took


def sweep_later(hours: float = 0.1) -> dict[str, int]:
    """As if the sweep looked only now, and Stripe was well again."""
    breaker.close()
    earlier = timezone.now() - timedelta(hours=hours)
    Operation.objects.open().update(due_at=earlier, created_at=earlier)
    return sweeping.sweep()
