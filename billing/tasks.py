"""Doors for work that is not done in a request. Arguments are ids; all may be lost or run twice."""

from __future__ import annotations

from celery import shared_task


@shared_task
def cancel_duplicate(subscription_id: str) -> None:
    from billing import duplicates

    duplicates.cancel(subscription_id)


@shared_task
def end_lesser(order_id: str) -> None:
    from billing import superseding

    superseding.end_lesser(order_id)


@shared_task
def write_receipt(payment_id: str) -> None:
    from billing import receipts

    receipts.write_one(payment_id)


@shared_task
def sweep() -> None:
    from billing import sweeping

    sweeping.sweep()


@shared_task
def collect_fees() -> None:
    from billing import bookkeeping

    bookkeeping.collect_fees()


@shared_task
def verify_ledger() -> None:
    from billing import bookkeeping

    bookkeeping.watch()
