"""Our price list at Stripe: products by an id of ours, prices by lookup key. Safe to repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import stripe as stripe_package

from billing.providers.base import ListedPrice, NotFound
from billing.providers.stripe.client import stripe_says


def publish(prices: Iterable[ListedPrice]) -> dict[str, tuple[str, str]]:
    listed = list(prices)
    products = {price.product_key: _product(price) for price in listed}
    known = _known([price.key for price in listed])
    return {
        price.key: (_price(price, known.get(price.key)), products[price.product_key])
        for price in listed
    }


def _product(price: ListedPrice) -> str:
    """A product's id is ours to choose, so that making it twice is refused, not doubled."""
    wanted: dict[str, Any] = {"name": price.product_name, "active": True}
    if price.product_description:
        wanted["description"] = price.product_description
    try:
        with stripe_says() as stripe:
            product = stripe.v1.products.retrieve(price.product_key)
        if any(getattr(product, name) != value for name, value in wanted.items()):
            with stripe_says() as stripe:
                stripe.v1.products.update(price.product_key, wanted)  # type: ignore[arg-type]
    except NotFound:
        with stripe_says() as stripe:
            stripe.v1.products.create(
                {"id": price.product_key, **wanted},  # type: ignore[typeddict-item]
                {"idempotency_key": _key("product", price.product_key, wanted)},
            )
    return price.product_key


def _known(keys: list[str]) -> dict[str, stripe_package.Price]:
    """Stripe takes ten lookup keys at a time."""
    found: dict[str, stripe_package.Price] = {}
    for start in range(0, len(keys), 10):
        with stripe_says() as stripe:
            page = stripe.v1.prices.list({"lookup_keys": keys[start : start + 10], "limit": 100})
        found.update({price.lookup_key: price for price in page.data if price.lookup_key})
    return found


def _price(wanted: ListedPrice, present: stripe_package.Price | None) -> str:
    if present is not None and _same(wanted, present):
        if not present.active:
            with stripe_says() as stripe:
                stripe.v1.prices.update(present.id, {"active": True})
        return present.id
    params: dict[str, Any] = {
        "product": wanted.product_key,
        "unit_amount": wanted.money.amount,
        "currency": wanted.money.currency,
        "lookup_key": wanted.key,
        "transfer_lookup_key": True,
    }
    if wanted.interval != "once":
        params["recurring"] = {"interval": wanted.interval}
    replaced = present.id if present is not None else ""
    with stripe_says() as stripe:
        price = stripe.v1.prices.create(
            params,  # type: ignore[arg-type]
            {"idempotency_key": _key("price", wanted.key + replaced, params)},
        )
        if present is not None:
            stripe.v1.prices.update(present.id, {"active": False})
    return price.id


def _same(wanted: ListedPrice, present: stripe_package.Price) -> bool:
    interval = present.recurring.interval if present.recurring else "once"
    product = present.product if isinstance(present.product, str) else present.product.id
    return (
        present.unit_amount == wanted.money.amount
        and present.currency == wanted.money.currency
        and interval == wanted.interval
        and product == wanted.product_key
    )


def _key(kind: str, name: str, params: dict[str, Any]) -> str:
    return f"{kind}:{hashlib.sha256(f'{name}{sorted(params.items())}'.encode()).hexdigest()[:40]}"
