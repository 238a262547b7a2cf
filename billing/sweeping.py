"""Finding what was not announced, or whose announcement was lost, from the rows alone."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from billing import (
    duplicates,
    entitlements,
    escrow_payments,
    payment_methods,
    purchase_news,
    receipts,
    superseding,
    usage_notices,
    writing_off,
)
from billing.checkout import apply_checkout
from billing.models import Order
from billing.operations import outgoing
from billing.orders import fail
from billing.providers import get_provider
from billing.providers.base import ProviderError
from billing.provisioning import outbox
from billing.signals import swept
from billing.wallet import ledger, payout_steps
from billing.webhooks import bell
from billing.webhooks.models import WebhookEvent

log = logging.getLogger(__name__)

# A checkout that no webhook told of for this long is asked about.
QUIET = timedelta(minutes=10)
ABANDONED = timedelta(hours=25)


def sweep() -> dict[str, int]:
    """What was found, by kind. Safe to run at any time and by several at once."""
    return {
        **inbox(),
        **outgoing.sweep(),
        "checkouts_asked": ask_about_checkouts(),
        "purchases_asked": purchase_news.ask_about_quiet(),
        "methods_learned": payment_methods.learn_recent(),
        "receipts_written": receipts.write_due(),
        "grace_ended": entitlements.revoke_expired(),
        "duplicates_canceled": cancel_duplicates(),
        "invoices_closed": writing_off.close_left_open(),
        "ledger_changes_folded": ledger.fold(),
        "escrows_released": escrow_payments.release_due(),
        "escrows_reminded": escrow_payments.remind_due(),
        "payouts_advanced": payout_steps.sweep(),
        "payouts_asked": payout_steps.ask_about_quiet(),
        "replaced_ended": end_lesser(),
        **outbox.state(),
        **of_those_above(),
        "thresholds_told": usage_notices.tell_of_thresholds(),
    }


def of_those_above() -> dict[str, int]:
    told: list[tuple[Any, Any]] = swept.send(None)
    return {kind: count for _, found in told for kind, count in found.items()}


def inbox() -> dict[str, int]:
    now = timezone.now()
    found = WebhookEvent.objects.filter(status__in=["received", "failed"]).aggregate(
        events_waiting=Count("pk", Q(status="received", next_attempt_at__lte=now)),
        events_put_back=Count("pk", Q(status="received", next_attempt_at__gt=now)),
        events_given_up=Count("pk", Q(status="failed")),
    )
    if found["events_waiting"]:
        bell.bell.ring()
    return found


def ask_about_checkouts() -> int:
    now = timezone.now()
    quiet = Order.objects.select_related("user", "price__plan").filter(
        status=Order.Status.PENDING, created_at__lt=now - QUIET
    )
    asked = 0
    for order in quiet.order_by("created_at")[:100]:
        try:
            asked += ask_about(order, abandoned=order.created_at < now - ABANDONED)
        except ProviderError as error:
            log.warning("checkout %s not read: %s", order.provider_id, error.code)
    return asked


def ask_about(order: Order, *, abandoned: bool) -> bool:
    """An order that never reached the provider is given up; a hosted page lives a day."""
    if order.provider_id:
        state = get_provider(order.provider).read_checkout(order.provider_id)
        apply_checkout(order, state)
    elif abandoned:
        with transaction.atomic():
            fail(order, expired=True)
    return bool(order.provider_id)


def cancel_duplicates() -> int:
    keys = duplicates.pending()
    for key in keys:
        try:
            duplicates.cancel(key)
        except ProviderError as error:
            log.warning("duplicate %s not canceled: %s", key, error.code)
    return len(keys)


def end_lesser() -> int:
    keys = superseding.pending()
    for key in keys:
        try:
            superseding.end_lesser(key)
        except (ProviderError, outgoing.UnderWay) as error:
            log.warning("what order %s replaces has not ended: %s", key, error.code)
    return len(keys)
