"""The books and the payments side by side: each payment that was made is in the books."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum, Value
from django.db.models.fields import TextField
from django.db.models.functions import Cast, Concat

from billing import payments
from billing.models import Payment
from billing.providers import get_provider
from billing.wallet import bookings, ledger, verification
from billing.wallet.accounts import clearing
from billing.wallet.models import Account, Transfer
from billing.wallet.payout_models import Payout
from billing.wallet.verification import MOST_SHOWN, Check

# The first time all of the provider's books are read.
BEGINNING = datetime(2011, 9, 1, tzinfo=UTC)
OVERLAP = timedelta(hours=1)
alarm = logging.getLogger("alarm")


def unbooked() -> QuerySet[Payment]:
    reference = Concat(Value("payment:"), Cast(OuterRef("pk"), TextField()))
    booked = Transfer.objects.filter(reference=reference)
    return Payment.objects.paid().filter(~Exists(booked), amount__gt=0)


def checks() -> Iterator[Check]:
    yield from verification.checks()
    missing = unbooked().order_by("-created_at")[:MOST_SHOWN]
    lines = [f"payment {payment.pk} of {payment.money} is not booked" for payment in missing]
    yield Check("paid_payments_booked", lines)


def verify() -> dict[str, Any]:
    """One picture of the whole: nothing that commits meanwhile is seen by half of the checks."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Years of entries take longer than a request may.
            cursor.execute("SET LOCAL statement_timeout = 0")
        found = list(checks())
        size = verification.size()
    return {
        "ok": all(check.ok for check in found),
        **size,
        "checks": [asdict(check) | {"ok": check.ok} for check in found],
    }


def collect_fees(provider: str = "stripe") -> int:
    """Books what the provider kept since the last time, from its own books: nothing that it sends
    us says so. Looks back an hour further, as its lists may lag; how many were new."""
    last = Transfer.objects.filter(kind="provider_fee").order_by("-pk").first()
    since = last.created_at - OVERLAP if last else BEGINNING
    kept = list(get_provider(provider).fees(since))
    # All or none: the newest that is booked says how far we are.
    with transaction.atomic():
        new = [
            bookings.provider_fee(
                fee.transaction_id, fee.provider, fee.money, for_what=fee.for_what
            )
            for fee in kept
        ]
    return sum(new)


def held_by(provider: str) -> dict[str, int]:
    """What it should hold for us after our books, by currency. A payout leaves there when it is
    sent, and in our books only when the bank has it."""
    name = clearing(provider)
    held = Counter(
        {
            currency: -ledger.balance(name, currency).amount
            for currency in Account.objects.filter(name=name).values_list("currency", flat=True)
        }
    )
    sent = Payout.objects.filter(provider=provider, taken_back=False).exclude(transfer_id="")
    under_way = sent.exclude(status=Payout.Status.PAID).order_by().values_list("currency")
    held.subtract(dict(under_way.annotate(Sum("amount"))))
    return dict(held)


def watch() -> None:
    """Rings the alarm for each check that found something."""
    for check in verify()["checks"]:
        if not check["ok"]:
            alarm.error("the books are wrong: %s: %s", check["name"], "; ".join(check["breaches"]))


def book_missing() -> int:
    """Books what was paid before there were books; how many payments that were."""
    booked = 0
    for payment in unbooked().iterator():
        with transaction.atomic():
            payments.book(payment)
        booked += 1
    return booked
