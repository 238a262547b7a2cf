from __future__ import annotations

from dataclasses import dataclass

from django.template import Library

from billing.arrears_wording import sentences
from billing.models import Subscription
from billing.owing import Arrears
from billing.owing import arrears_of as find_arrears
from config.kit.money import Money

register = Library()


@dataclass(frozen=True, slots=True)
class Owed:
    arrears: Arrears
    sentences: list[str]
    amount: Money


@register.simple_tag
def arrears_of(subscription: Subscription | None) -> Owed | None:
    found = find_arrears(subscription)
    if subscription is None or found is None:
        return None
    amount = found.invoice.money("amount_remaining")
    return Owed(found, sentences(subscription, found), amount)


@register.filter
def is_overdue(subscription: Subscription) -> bool:
    """The words of what is owed then stand in for those of the standing."""
    return find_arrears(subscription) is not None
