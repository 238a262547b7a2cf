"""Stripe's objects with the fields that the mirror looks at, in API 2026-05-27.dahlia."""

from __future__ import annotations

import itertools
from typing import Any

numbers = itertools.count(1)


def event(type: str, shown: dict[str, Any], *, created: int = 1_000, **rest: Any) -> dict[str, Any]:
    return {
        "id": f"evt_{next(numbers)}",
        "object": "event",
        "type": type,
        "created": created,
        "livemode": False,
        "data": {"object": shown},
        **rest,
    }


def customer(**fields: Any) -> dict[str, Any]:
    return {
        "id": "cus_1",
        "object": "customer",
        "created": 900,
        "livemode": False,
        "email": "alice@example.com",
        "invoice_settings": {"default_payment_method": None},
        "metadata": {},
        **fields,
    }


def product(**fields: Any) -> dict[str, Any]:
    return {
        "id": "prod_1",
        "object": "product",
        "created": 900,
        "livemode": False,
        "name": "Pro",
        "active": True,
        "metadata": {},
        **fields,
    }


def price(**fields: Any) -> dict[str, Any]:
    return {
        "id": "price_1",
        "object": "price",
        "created": 900,
        "livemode": False,
        "active": True,
        "currency": "usd",
        "unit_amount": 1900,
        "product": "prod_1",
        "metadata": {},
        **fields,
    }


def subscription(**fields: Any) -> dict[str, Any]:
    item = {
        "id": "si_1",
        "object": "subscription_item",
        "created": 900,
        "current_period_end": 9_000,
        "discounts": [],
        "metadata": {},
        "price": price(),
        "quantity": 1,
        "subscription": "sub_1",
        "tax_rates": None,
    }
    return {
        "id": "sub_1",
        "object": "subscription",
        "created": 900,
        "livemode": False,
        "customer": "cus_1",
        "default_payment_method": "pm_1",
        "default_tax_rates": [],
        "items": page([item], url="/v1/subscription_items"),
        "latest_invoice": "in_1",
        "metadata": {},
        "status": "active",
        **fields,
    }


def invoice(**fields: Any) -> dict[str, Any]:
    line = {
        "id": "il_1",
        "object": "line_item",
        "amount": 1900,
        "currency": "usd",
        "discounts": ["di_1"],
        "livemode": False,
        "metadata": {},
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {"subscription": "sub_1", "subscription_item": "si_1"},
        },
        "period": {"start": 900, "end": 9_000},
        "pricing": {"price_details": {"price": "price_1", "product": "prod_1"}},
        "quantity": 1,
    }
    return {
        "id": "in_1",
        "object": "invoice",
        "created": 900,
        "livemode": False,
        "currency": "usd",
        "customer": "cus_1",
        "discounts": ["di_1"],
        "lines": page([line], url="/v1/invoices/in_1/lines"),
        "metadata": {},
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": "sub_1"},
        },
        "status": "paid",
        "total": 1900,
        **fields,
    }


def payment_intent(**fields: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "created": 900,
        "livemode": False,
        "amount": 1900,
        "client_secret": "pi_1_secret_hush",
        "currency": "usd",
        "customer": "cus_1",
        "latest_charge": "ch_1",
        "metadata": {},
        "payment_method": "pm_1",
        "status": "succeeded",
        **fields,
    }


def charge(**fields: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "created": 900,
        "livemode": False,
        "amount": 500,
        "amount_refunded": 0,
        "balance_transaction": "txn_1",
        "currency": "jpy",
        "customer": "cus_1",
        "disputed": False,
        "metadata": {},
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "source": None,
        "status": "succeeded",
        **fields,
    }


def refund(**fields: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "created": 900,
        "amount": 200,
        "balance_transaction": "txn_2",
        "charge": "ch_1",
        "currency": "jpy",
        "metadata": {},
        "payment_intent": "pi_1",
        "status": "pending",
        **fields,
    }


def dispute(**fields: Any) -> dict[str, Any]:
    return {
        "id": "du_1",
        "object": "dispute",
        "created": 900,
        "livemode": False,
        "amount": 500,
        "balance_transactions": [
            {
                "id": "txn_3",
                "object": "balance_transaction",
                "amount": -500,
                "created": 900,
                "currency": "jpy",
                "fee": 1500,
                "net": -2000,
                "source": "du_1",
                "status": "available",
                "type": "adjustment",
            }
        ],
        "charge": "ch_1",
        "currency": "jpy",
        "metadata": {},
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "status": "needs_response",
        **fields,
    }


def payout(**fields: Any) -> dict[str, Any]:
    return {
        "id": "po_1",
        "object": "payout",
        "created": 900,
        "livemode": False,
        "amount": 5000,
        "arrival_date": 1_000,
        "balance_transaction": "txn_4",
        "currency": "usd",
        "destination": "ba_1",
        "metadata": {},
        "status": "paid",
        **fields,
    }


def checkout_session(**fields: Any) -> dict[str, Any]:
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "created": 900,
        "livemode": False,
        "amount_total": 1900,
        "currency": "usd",
        "customer": "cus_1",
        "invoice": "in_1",
        "metadata": {"order_id": "17", "djstripe_subscriber": "1"},
        "mode": "subscription",
        "payment_intent": None,
        "payment_status": "paid",
        "status": "complete",
        "subscription": "sub_1",
        **fields,
    }


def account(**fields: Any) -> dict[str, Any]:
    return {
        "id": "acct_1",
        "object": "account",
        "country": "DE",
        "default_currency": "eur",
        "email": "owner@example.com",
        "metadata": {},
        "settings": {"branding": {"icon": None, "logo": None}},
        **fields,
    }


def page(items: list[dict[str, Any]], *, url: str, has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": items, "has_more": has_more, "url": url}


def common_events() -> list[dict[str, Any]]:
    """One of each that the seeds know, and what comes along with them."""
    return [
        event("account.updated", account()),
        event("customer.created", customer()),
        event("product.created", product()),
        event("price.created", price()),
        event("checkout.session.completed", checkout_session()),
        event("customer.subscription.created", subscription()),
        event("invoice.paid", invoice()),
        event("payment_intent.succeeded", payment_intent()),
        event("charge.succeeded", charge()),
        event("refund.created", refund()),
        event("charge.dispute.created", dispute()),
        event("payout.paid", payout()),
    ]
