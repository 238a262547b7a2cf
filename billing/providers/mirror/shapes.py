"""Stripe's payloads as dj-stripe 2.11 can read them: moved fields at their old places, no traps.

What is changed here is changed for dj-stripe's reading only; `stripe_data` keeps the payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Payload = dict[str, Any]

# dj-stripe syncs each of these as an object; Stripe often sends ids, or null.
OBJECTS_ONLY = {"balance_transactions", "default_tax_rates", "discounts", "tax_rates"}
EMPTY_LIST = {"object": "list", "data": [], "has_more": False, "url": ""}
# Lets its holder complete a payment; nobody who reads the mirror has any use for it.
SECRETS = ("client_secret",)


def storable(value: Any) -> Any:
    """A copy without secrets, and without what jsonb refuses: NUL and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, Mapping):
        kept = ((key, each) for key, each in value.items() if key not in SECRETS)
        return {storable(key): storable(each) for key, each in kept}
    if isinstance(value, list):
        return [storable(each) for each in value]
    return value


def readable(value: Any) -> Any:
    if isinstance(value, list):
        return [readable(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    copy = {
        key: [readable(each) for each in child or [] if isinstance(each, Mapping)]
        if key in OBJECTS_ONLY
        else readable(child)
        for key, child in value.items()
    }
    repair = REPAIRS.get(str(copy.get("object")))
    if repair:
        repair(copy)
    return copy


def _list(page: Payload) -> None:
    # It would fetch the next page.
    page["has_more"] = False


def _customer(customer: Payload) -> None:
    settings = customer.get("invoice_settings") or {}
    customer["invoice_settings"] = settings
    customer["default_payment_method"] = settings.get("default_payment_method")
    discount = customer.get("discount")
    if discount and not isinstance(discount.get("coupon"), Mapping):
        customer["discount"] = None


def _invoice(invoice: Payload) -> None:
    invoice["lines"] = invoice.get("lines") or dict(EMPTY_LIST)
    details = _parent(invoice, "subscription_details")
    if details.get("subscription"):
        invoice.setdefault("subscription", details["subscription"])


def _invoice_item(item: Payload) -> None:
    item.setdefault("discounts", [])
    details = _parent(item, "subscription_details")
    if details.get("subscription"):
        item.setdefault("subscription", details["subscription"])
    _place_price(item)


def _line_item(line: Payload) -> None:
    line.setdefault("discounts", [])
    details = _parent(line, "subscription_item_details")
    for name in ("subscription", "subscription_item", "invoice_item"):
        found = details.get(name) or _parent(line, "invoice_item_details").get(name)
        if found:
            line.setdefault(name, found)
    _place_price(line)


def _place_price(item: Payload) -> None:
    price = ((item.get("pricing") or {}).get("price_details")) or {}
    if price.get("price"):
        item.setdefault("price", price["price"])
        item.setdefault("product", price.get("product"))


def _dispute(dispute: Payload) -> None:
    dispute.setdefault("balance_transactions", [])


def _transfer(transfer: Payload) -> None:
    transfer["reversals"] = transfer.get("reversals") or dict(EMPTY_LIST)


def _parent(item: Payload, details: str) -> Payload:
    return (item.get("parent") or {}).get(details) or {}


REPAIRS = {
    "list": _list,
    "customer": _customer,
    "invoice": _invoice,
    "invoiceitem": _invoice_item,
    "line_item": _line_item,
    "dispute": _dispute,
    "transfer": _transfer,
}
