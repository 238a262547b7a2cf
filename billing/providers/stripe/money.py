"""Stripe's own books: what it holds for us, and what it keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from billing.providers.facts import ProviderExchange, ProviderFee
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.movements import movement
from billing.providers.stripe.translation import PROVIDER


def balance() -> dict[str, int]:
    with stripe_says() as stripe:
        held = stripe.v1.balance.retrieve()
    total: Counter[str] = Counter()
    for available in held.available:
        total[available.currency] += available.amount
    for pending in held.pending:
        total[pending.currency] += pending.amount
    return dict(total)


def fees(since: datetime) -> Iterator[ProviderFee | ProviderExchange]:
    with stripe_says() as stripe:
        listed = stripe.v1.balance_transactions.list(
            {"created": {"gte": int(since.timestamp())}, "limit": 100, "expand": ["data.source"]}
        )
        for each in listed.auto_paging_iter():
            line = movement(each.to_dict())
            if line.fee.amount:
                yield ProviderFee(
                    provider=PROVIDER,
                    at=line.at,
                    transaction_id=line.movement_id,
                    money=line.fee,
                    for_what=each.type,
                )
            if line.charged != line.money:
                yield ProviderExchange(
                    provider=PROVIDER,
                    at=line.at,
                    transaction_id=line.movement_id,
                    given=line.charged,
                    got=line.money,
                )
