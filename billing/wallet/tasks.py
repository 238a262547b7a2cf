"""Doors for work that is not done in a request. Arguments are ids; all may be lost or run twice."""

from __future__ import annotations

from celery import shared_task


@shared_task
def advance_payout(payout_id: str) -> None:
    from billing.wallet import payout_steps

    payout_steps.advance(payout_id)
