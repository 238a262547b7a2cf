"""Stripe's own books: what it holds for us, and what it keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from billing.providers.facts import ProviderFee
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.movements import what_is_kept
from billing.providers.stripe.translation import PROVIDER, instant
from config.kit.money import Money


def balance() -> dict[str, int]:
    with stripe_says() as stripe:
        held = stripe.v1.balance.retrieve()
    total: Counter[str] = Counter()
    for available in held.available:
        total[available.currency] += available.amount
    for pending in held.pending:
        total[pending.currency] += pending.amount
    return dict(total)


def fees(since: datetime) -> Iterator[ProviderFee]:
    with stripe_says() as stripe:
        listed = stripe.v1.balance_transactions.list(
            {"created": {"gte": int(since.timestamp())}, "limit": 100}
        )
        for movement in listed.auto_paging_iter():
            if kept := what_is_kept(movement.type, movement.amount, movement.fee):
                yield ProviderFee(
                    provider=PROVIDER,
                    at=instant(movement.created),
                    transaction_id=movement.id,
                    money=Money(kept, movement.currency),
                    for_what=movement.type,
                )
