"""Products, prices, coupons and promotion codes."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .desk import Desk


def test_a_lookup_key_finds_its_price(desk: Desk) -> None:
    price = desk.price(lookup_key="pro_monthly")
    found = desk.v1.prices.list({"lookup_keys": ["pro_monthly"], "expand": ["data.product"]})
    assert [p.id for p in found.data] == [price]
    assert found.data[0].product.name == "Pro"


def test_a_lookup_key_has_one_owner_until_it_is_transferred(desk: Desk) -> None:
    old = desk.price(lookup_key="pro")
    with pytest.raises(stripe.InvalidRequestError):
        desk.price(lookup_key="pro")
    new = desk.price(lookup_key="pro", transfer_lookup_key=True)
    assert desk.v1.prices.retrieve(old).lookup_key is None
    assert desk.v1.prices.retrieve(new).lookup_key == "pro"
    changed = desk.events("price.updated")[0]["data"]["previous_attributes"]
    assert changed == {"lookup_key": "pro"}


@pytest.mark.parametrize(
    "params",
    [{"currency": "xyz"}, {"unit_amount": -1}, {"product": "prod_none"}],
    ids=["currency", "amount", "product"],
)
def test_prices_that_are_refused(desk: Desk, params: dict[str, Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        desk.price(**params)


def test_a_product_can_be_archived_but_not_deleted_once_it_has_prices(desk: Desk) -> None:
    price = desk.v1.prices.retrieve(desk.price())
    assert desk.v1.products.update(price.product, {"active": False}).active is False
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.products.delete(price.product)


def test_a_coupon_is_either_a_part_or_a_sum(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.coupons.create({"percent_off": 10, "amount_off": 100, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.coupons.create({"amount_off": 100})


def test_two_active_codes_cannot_be_the_same(desk: Desk) -> None:
    coupon = desk.v1.coupons.create({"percent_off": 10}).id
    params = {"promotion": {"type": "coupon", "coupon": coupon}, "code": "FALL"}
    first = desk.v1.promotion_codes.create(params)
    with pytest.raises(stripe.InvalidRequestError):
        desk.v1.promotion_codes.create(params)
    desk.v1.promotion_codes.update(first.id, {"active": False})
    assert desk.v1.promotion_codes.create(params).active


def test_subscribers_see_a_price_as_it_is_now(desk: Desk) -> None:
    subscription = desk.subscription()
    price = subscription["items"].data[0].price.id
    desk.v1.prices.update(price, {"active": False})
    seen = desk.v1.subscriptions.retrieve(subscription.id)
    assert seen["items"].data[0].price.active is False
    desk.advance(32)
    assert desk.v1.invoices.list({"subscription": subscription.id}).data[0].status == "paid"
