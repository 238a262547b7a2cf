"""Payments as a past leaves them, written into the table at once."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from billing.models import Payment
from sessions_live.models import User

numbers = itertools.count(1)


def make_payment(of: User, **fields: Any) -> Payment:
    return Payment.objects.create(**columns(of, **fields))


def make_payments(of: User, count: int, **fields: Any) -> list[Payment]:
    """The first is the newest; a minute lies between two."""
    now = timezone.now()
    return Payment.objects.bulk_create(
        Payment(**{**columns(of), "created_at": now - timedelta(minutes=number), **fields})
        for number in range(count)
    )


def columns(of: User, **fields: Any) -> dict[str, Any]:
    at: datetime = fields.get("created_at", timezone.now())
    return {
        "user": of,
        "provider": "stripe",
        "provider_id": f"pi_{of.pk}x{next(numbers)}",
        "amount": 1900,
        "currency": "usd",
        "status": "succeeded",
        "created_at": at,
        **fields,
    }


def write_past(of: User, count: int) -> None:
    """Very many, by the database itself: an hour lies between two."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO billing_payment (id, user_id, provider, provider_id, invoice_id,"
            " provider_subscription_id, amount, currency, status, tier, description, method,"
            " failure_code, failure_message, created_at)"
            " SELECT gen_random_uuid(), %s, 'stripe', 'pi_past' || n, '', '', n, 'usd',"
            " 'succeeded', 'pro', 'Subscription update', 'Visa •••• 4242', '', '',"
            " now() - n * interval '1 hour' FROM generate_series(1, %s) n",
            [of.pk, count],
        )
