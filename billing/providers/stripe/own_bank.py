"""Stripe's payouts to our own bank, and what we top its balance up with, in our words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from billing.providers.facts import Fact
from billing.providers.own_bank_facts import BankPayoutChanged, TopUpChanged
from billing.providers.stripe.reading import PROVIDER, Payload, one_of
from config.kit.money import Money

PAYOUT = ("pending", "in_transit", "paid", "failed", "canceled")
TOP_UP = ("pending", "succeeded", "failed", "canceled", "reversed")


def bank_payout_fact(payout: Payload, at: datetime) -> BankPayoutChanged:
    status = one_of(PAYOUT, payout["status"])
    return BankPayoutChanged(
        provider=PROVIDER,
        at=at,
        payout_id=payout["id"],
        money=Money(payout["amount"], payout["currency"]),
        arrived=status == "paid",
        came_back=status in ("failed", "canceled"),
    )


def top_up_facts(top_up: Payload, at: datetime) -> list[Fact]:
    status = one_of(TOP_UP, top_up["status"])
    return [
        TopUpChanged(
            provider=PROVIDER,
            at=at,
            top_up_id=top_up["id"],
            money=Money(top_up["amount"], top_up["currency"]),
            received=status in ("succeeded", "reversed"),
            returned=status == "reversed",
        )
    ]


READERS: dict[str, Callable[[Payload, datetime], list[Fact]]] = {
    "topup.created": top_up_facts,
    "topup.succeeded": top_up_facts,
    "topup.failed": top_up_facts,
    "topup.canceled": top_up_facts,
    "topup.reversed": top_up_facts,
}
