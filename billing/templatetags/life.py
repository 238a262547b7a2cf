from __future__ import annotations

from django.template import Library

from billing import subscription_wording
from billing.providers.base import PreviewLine
from config.kit.money import Money

register = Library()

register.filter("story", subscription_wording.story)
register.filter("who", subscription_wording.who)
register.filter("why", subscription_wording.why)


@register.filter
def sum_of(line: PreviewLine, currency: str) -> str:
    return str(Money(line.amount, currency))
