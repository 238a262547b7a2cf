"""Stripe's refunds and disputes in our words. What counts is what Stripe's own books say: a status
tells what a bank thinks, a balance transaction that money moved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from billing.providers.facts import Fact
from billing.providers.money_back_facts import DisputeChanged, RefundChanged
from billing.providers.stripe.reading import PROVIDER, Payload, id_of
from config.kit.money import Money

NOT_ARRIVED = ("failed", "canceled")


def refund_facts(refund: Payload, at: datetime) -> list[Fact]:
    intent = id_of(refund["payment_intent"])
    if not intent:
        return []
    return [
        RefundChanged(
            provider=PROVIDER,
            at=at,
            payment_id=intent,
            money=Money(refund["amount"], refund["currency"]),
            refund_id=refund["id"],
            sent=bool(refund["balance_transaction"]),
            came_back=refund["status"] in NOT_ARRIVED,
        )
    ]


def dispute_facts(dispute: Payload, at: datetime) -> list[Fact]:
    intent = id_of(dispute["payment_intent"])
    if not intent:
        return []
    moved = [movement["amount"] for movement in dispute["balance_transactions"]]
    return [
        DisputeChanged(
            provider=PROVIDER,
            at=at,
            payment_id=intent,
            money=Money(dispute["amount"], dispute["currency"]),
            dispute_id=dispute["id"],
            taken=any(amount < 0 for amount in moved),
            given_back=any(amount > 0 for amount in moved),
            lost=dispute["status"] == "lost",
        )
    ]


READERS: dict[str, Callable[[Payload, datetime], list[Fact]]] = {
    "refund.created": refund_facts,
    "refund.updated": refund_facts,
    "refund.failed": refund_facts,
    # The same refund; all that accounts from before 2024-10 send.
    "charge.refund.updated": refund_facts,
    "charge.dispute.created": dispute_facts,
    "charge.dispute.updated": dispute_facts,
    "charge.dispute.funds_withdrawn": dispute_facts,
    "charge.dispute.funds_reinstated": dispute_facts,
    "charge.dispute.closed": dispute_facts,
}
