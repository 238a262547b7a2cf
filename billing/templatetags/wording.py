from __future__ import annotations

from django.template import Library

from billing import wallet_wording, wording
from billing.models import Item
from config.kit.money import Money, decimals

register = Library()

register.filter("day", wording.day)
register.filter("rate", wording.rate)
register.filter("standing", wording.standing)
register.filter("payment_label", wording.payment_label)
register.filter("invoice_tone", wording.invoice_tone)
register.filter("payment_tone", wording.payment_tone)
register.filter("payout_tone", wallet_wording.payout_tone)
register.filter("payout_next", wallet_wording.payout_next)
register.filter("movement_kind", wallet_wording.movement_kind)
register.filter("movement_amount", wallet_wording.movement_amount)
register.filter("movement_balance", wallet_wording.movement_balance)


@register.filter
def in_words(name: str) -> str:
    """`priority_support` → `Priority support`"""
    return name.replace("_", " ").replace("-", " ").capitalize()


@register.filter
def price_of_item(item: Item) -> str:
    return str(Money(item.amount, item.currency))


@register.filter
def amount_of_item(item: Item) -> str:
    """As a person types it: `5.00`."""
    places = decimals(item.currency)
    whole, rest = divmod(item.amount, 10**places)
    return f"{whole}.{rest:0{places}d}" if places else str(whole)


@register.filter
def bounds_of_item(item: Item) -> str:
    """`$1.00 to $200.00`"""
    low, high = item.min_amount or item.amount, item.max_amount or item.amount
    return f"{Money(low, item.currency)} to {Money(high, item.currency)}"


@register.filter
def limit(quota: int | None) -> str:
    return "Unlimited" if quota is None else f"{quota:,}"
