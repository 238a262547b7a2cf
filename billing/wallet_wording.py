"""What happens to people's own money, as they say it."""

from __future__ import annotations

from billing.wallet.models import Entry
from billing.wallet.payout_models import Payout
from billing.wording import day
from config.kit.money import Money

PAYOUT_TONES = {
    Payout.Status.PENDING: "warning",
    Payout.Status.IN_TRANSIT: "info",
    Payout.Status.PAID: "success",
    Payout.Status.FAILED: "danger",
}


def payout_tone(payout: Payout) -> str:
    return PAYOUT_TONES.get(Payout.Status(payout.status), "neutral")


def payout_next(payout: Payout) -> str:
    match payout.waiting_for, payout.status:
        case Payout.Waiting.ACCOUNT, _:
            return "Waits until your payout account is ready."
        case Payout.Waiting.FUNDS, _:
            return "Waits until the money has settled; we try again by ourselves."
        case _, Payout.Status.PENDING | Payout.Status.IN_TRANSIT:
            return f"Arrives about {day(payout.arrives_at)}." if payout.arrives_at else ""
        case _, Payout.Status.FAILED:
            return f"{payout.failure_message} The money is back in your wallet.".strip()
        case _:
            return ""


KINDS = {
    "release": "Released to you",
    "payout": "To your bank",
    "payout_returned": "Back from your bank",
    "refund": "Returned to who paid",
    "dispute_lost": "Lost to a dispute",
}


def movement_kind(entry: Entry) -> str:
    return KINDS.get(entry.transfer.kind, entry.transfer.kind.replace("_", " ").capitalize())


def movement_amount(entry: Entry) -> str:
    """`+$12.00`"""
    sign = "+" if entry.amount > 0 else ""
    return f"{sign}{Money(entry.amount, entry.account.currency)}"


def movement_balance(entry: Entry) -> str:
    return str(Money(entry.balance or 0, entry.account.currency))
