"""Ids that look like the real ones."""

import random
import string

_LETTERS = string.ascii_letters + string.digits

PREFIXES = {
    "account": "acct",
    "balance_transaction": "txn",
    "bank_account": "ba",
    "billing_portal.configuration": "bpc",
    "billing_portal.session": "bps",
    "charge": "ch",
    "checkout.session": "cs_test",
    "customer": "cus",
    "discount": "di",
    "dispute": "du",
    "event": "evt",
    "file": "file",
    "invoice": "in",
    "invoice_payment": "inpay",
    "invoiceitem": "ii",
    "item": "li",
    "line_item": "il",
    "payment_intent": "pi",
    "payment_method": "pm",
    "payout": "po",
    "plan": "plan",
    "price": "price",
    "product": "prod",
    "promotion_code": "promo",
    "refund": "re",
    "setup_intent": "seti",
    "subscription": "sub",
    "subscription_item": "si",
    "subscription_schedule": "sub_sched",
    "topup": "tu",
    "transfer": "tr",
    "transfer_reversal": "trr",
    "webhook_endpoint": "we",
}


def random_text(length: int) -> str:
    return "".join(random.choices(_LETTERS, k=length))  # noqa: S311


def new_id(kind: str) -> str:
    if kind == "coupon":
        return random_text(8)
    length = 58 if kind == "checkout.session" else 24
    return f"{PREFIXES[kind]}_{random_text(length)}"
