"""Buying an item by itself: with a payment intent that the client confirms, with the card that the
provider has on file, or on the provider's hosted page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db.models import QuerySet

from billing.models import Customer, Item, Purchase
from billing.operations.keys import made_once, of_key
from billing.providers import get_provider
from billing.purchase_calls import open_purchase
from config.kit import request_id
from config.kit.errors import AppError
from config.kit.money import Money
from sessions_live.models import User

MOST_AT_ONCE = 100
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MOST_CHARGED = 99_999_999

Way = Purchase.Way


class UnknownItem(AppError):
    code = "unknown_item"
    detail = "There is no such item; GET /api/v1/items lists them."


class BadAmount(AppError):
    code = "amount_not_allowed"


class TooMuch(AppError):
    code = "amount_too_large"
    detail = "This comes to more than one payment can be; buy fewer."


class NoSavedCard(AppError):
    code = "no_saved_card"
    status = 409
    detail = "No card is on file to pay with; leave `off_session` out and confirm with one."


class CardDeclined(AppError):
    code = "card_declined"
    status = 402
    detail = "The card on file was declined."


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be bought, at the catalogue's price. `amount` is what the buyer chose, if they
    may."""

    item: Item
    quantity: int = 1
    amount: int | None = None

    @property
    def unit_amount(self) -> int:
        """Raises BadAmount."""
        low, high = self.item.min_amount, self.item.max_amount
        if self.amount is None:
            return self.item.amount
        if low is None or high is None:
            raise BadAmount("The price of this item is fixed; leave `amount` out.", attr="amount")
        if not low <= self.amount <= high:
            least, most = Money(low, self.item.currency), Money(high, self.item.currency)
            raise BadAmount(f"Choose an amount between {least} and {most}.", attr="amount")
        if self.quantity > 1:
            raise BadAmount("What you name the price of is bought one at a time.", attr="quantity")
        return self.amount


def get_item(slug: str) -> Item:
    """Raises UnknownItem."""
    item = Item.objects.filter(slug=slug, active=True).first()
    if item is None:
        raise UnknownItem(attr="item_id")
    return item


def start_purchase(
    user: User,
    wish: Wish,
    *,
    way: str,
    provider: str = "stripe",
    idempotency_key: str | None = None,
    success_url: str = "",
    cancel_url: str = "",
) -> Purchase:
    """The same key and wishes give the same purchase, also after a crash in between. Raises
    BadAmount, TooMuch, NoSavedCard, CardDeclined, KeyReused, ProviderError."""
    wishes = (wish.item.pk, wish.quantity, wish.amount, way, provider, success_url, cancel_url)
    fingerprint = hashlib.sha256(repr(wishes).encode()).hexdigest()
    purchase = of_key(_purchases_of(user), idempotency_key, fingerprint)
    if purchase is None:
        purchase = _new_purchase(
            user,
            wish,
            way=way,
            provider=provider,
            success_url=success_url,
            cancel_url=cancel_url,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
        )
    if not purchase.first_status:
        open_purchase(purchase)
    if purchase.refusal:
        raise CardDeclined(purchase.refusal)
    return purchase


def _new_purchase(
    user: User,
    wish: Wish,
    *,
    way: str,
    provider: str,
    idempotency_key: str | None,
    fingerprint: str,
    **urls: str,
) -> Purchase:
    """Committed before the provider hears of it, so that its webhook always finds it."""
    unit_amount = wish.unit_amount
    if unit_amount * wish.quantity > MOST_CHARGED:
        raise TooMuch(attr="quantity")
    saved = _card_on_file(user, provider) if way == Way.SAVED else ""

    def make() -> Purchase:
        return Purchase.objects.create(
            user=user,
            item=wish.item,
            quantity=wish.quantity,
            unit_amount=unit_amount,
            amount=unit_amount * wish.quantity,
            currency=wish.item.currency,
            way=way,
            provider=provider,
            saved_method=saved,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
            request_id=request_id.current.get(),
            **urls,
        )

    return made_once(_purchases_of(user), idempotency_key, fingerprint, make)


def _purchases_of(user: User) -> QuerySet[Purchase]:
    return Purchase.objects.select_related("item", "user").filter(user=user)


def _card_on_file(user: User, provider: str) -> str:
    customer = Customer.objects.filter(user=user, provider=provider).first()
    card = ""
    if customer and customer.provider_id:
        card = get_provider(provider).saved_card(customer.provider_id)
    if not card:
        raise NoSavedCard(attr="off_session")
    return card
