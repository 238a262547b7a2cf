from __future__ import annotations

from django.template import Library

from billing import wording

register = Library()

register.filter("day", wording.day)
register.filter("rate", wording.rate)
register.filter("standing", wording.standing)
register.filter("payment_label", wording.payment_label)
register.filter("payment_tone", wording.payment_tone)


@register.filter
def in_words(name: str) -> str:
    """`priority_support` → `Priority support`"""
    return name.replace("_", " ").replace("-", " ").capitalize()


@register.filter
def limit(quota: int | None) -> str:
    return "Unlimited" if quota is None else f"{quota:,}"
