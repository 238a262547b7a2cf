"""What is owed, in words: what the bank said, what we do next, and what one can do."""

from __future__ import annotations

from django.utils import timezone

from billing.models import Subscription
from billing.owing import Arrears, Cause
from billing.wording import day


def sentences(subscription: Subscription, arrears: Arrears) -> list[str]:
    return [what_happened(arrears), what_is_tried(subscription, arrears), access(subscription)]


def what_happened(arrears: Arrears) -> str:
    money = arrears.invoice.money("amount_remaining")
    card = arrears.method or "your card"
    match arrears.cause:
        case Cause.ACTION_NEEDED:
            return f"Your bank wants you to confirm the payment of {money}."
        case Cause.CARD_EXPIRED:
            return f"{card} has expired, so {money} could not be charged."
        case Cause.NO_CARD:
            return f"There is no card to charge {money} to."
        case _ if arrears.last is None:
            return f"{money} could not be charged."
        case _:
            return f"Your bank declined {money} on {card}. It says: {arrears.last.message}"


def what_is_tried(subscription: Subscription, arrears: Arrears) -> str:
    count = arrears.invoice.attempt_count
    tried = "We have tried once" if count == 1 else f"We have tried {count} times"
    due = arrears.invoice.next_attempt_at
    if due is None or subscription.cancel_at_period_end:
        return f"{tried} and do not try again by ourselves."
    return f"{tried}, and try again on {day(due)}."


def access(subscription: Subscription) -> str:
    if subscription.gives_access(timezone.now()):
        return f"You keep access until {day(subscription.grace_until)}."
    return "Your access has ended; it returns as soon as this is paid."
