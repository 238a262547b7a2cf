"""Money at Stripe beside what is sold: payments into escrow, the balance, and what Stripe keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import stripe as stripe_package

from billing.providers.base import EscrowRequest
from billing.providers.facts import EscrowOpened, ProviderFee
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.making import of_operation
from billing.providers.stripe.translation import PROVIDER, instant
from config.kit.money import Money


def open_escrow(request: EscrowRequest, key: str) -> EscrowOpened:
    ours = {
        "operation_id": key,
        "escrow_id": request.escrow_id,
        "request_id": request.request_id,
    }
    with stripe_says() as stripe:
        intent = stripe.v1.payment_intents.create(
            {
                "amount": request.amount,
                "currency": request.currency,
                "customer": request.customer_id,
                "description": request.description,
                "automatic_payment_methods": {"enabled": True},
                "metadata": ours,
            },
            {"idempotency_key": key},
        )
    return _opened(intent, request)


def find_escrow(request: EscrowRequest, key: str) -> EscrowOpened | None:
    with stripe_says() as stripe:
        listed = stripe.v1.payment_intents.list({"customer": request.customer_id, "limit": 100})
        for intent in listed.auto_paging_iter():
            if of_operation(intent, key):
                return _opened(intent, request)
    return None


def _opened(intent: stripe_package.PaymentIntent, request: EscrowRequest) -> EscrowOpened:
    return EscrowOpened(
        provider=PROVIDER,
        at=instant(intent.created),
        settled=True,
        escrow_id=request.escrow_id,
        payment_id=intent.id,
        customer_id=request.customer_id,
        client_secret=intent.client_secret or "",
        money=Money(request.amount, request.currency),
    )


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
            if movement.fee:
                yield ProviderFee(
                    provider=PROVIDER,
                    at=instant(movement.created),
                    transaction_id=movement.id,
                    money=Money(movement.fee, movement.currency),
                    for_what=movement.type,
                )
