"""Finding what was not announced, or whose announcement was lost, from the rows alone.

Its parts have nothing to do with each other, so a fault of ours in one never stops the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from billing import (
    duplicates,
    entitlements,
    escrow_news,
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
from billing.quiet import ABANDONED, QUIET
from billing.signals import swept
from billing.wallet import ledger, payout_steps
from billing.webhooks import bell
from billing.webhooks.models import WebhookEvent
from config.kit import limiter
from config.kit.limiter import Limit, TooMany
from config.kit.one_by_one import one_by_one

log = logging.getLogger(__name__)
alarm = logging.getLogger("alarm")

BETWEEN_ALARMS = 3600

Found = int | dict[str, int]


class Stumbled(Exception):
    """Raised when all parts have had their turn: what the others found, and which ones failed."""

    def __init__(self, found: dict[str, int], failed: list[str]) -> None:
        super().__init__(f"These parts of the sweep failed: {', '.join(failed)}.")
        self.found, self.failed = found, failed


def sweep() -> dict[str, int]:
    """What was found, by kind. Safe to run at any time and by several at once. Raises Stumbled."""
    found: dict[str, int] = {}
    failed: list[str] = []
    for name, outcome in outcomes():
        if isinstance(outcome, Exception):
            log.error("sweep stumbled over %s", name, exc_info=outcome)
            cry(name)
            failed.append(name)
            # The parts after it need a connection, and whatever happened may have cost us ours.
            connection.close_if_unusable_or_obsolete()
        else:
            found |= outcome if isinstance(outcome, dict) else {name: outcome}
    if failed:
        raise Stumbled(found, failed)
    return found


def parts() -> dict[str, Callable[[], Found]]:
    """A part that counts one kind of thing has the name of that kind."""
    return {
        "inbox": inbox,
        "operations": outgoing.sweep,
        "checkouts_asked": ask_about_checkouts,
        "purchases_asked": purchase_news.ask_about_quiet,
        "methods_learned": payment_methods.learn_recent,
        "receipts_written": receipts.write_due,
        "grace_ended": entitlements.revoke_expired,
        "duplicates_canceled": cancel_duplicates,
        "invoices_closed": writing_off.close_left_open,
        "ledger_changes_folded": ledger.fold,
        "escrows_asked": escrow_news.ask_about_quiet,
        "escrows_released": escrow_payments.release_due,
        "escrows_reminded": escrow_payments.remind_due,
        "payouts_advanced": payout_steps.sweep,
        "payouts_asked": payout_steps.ask_about_quiet,
        "replaced_ended": end_lesser,
        "access_messages": outbox.state,
        "thresholds_told": usage_notices.tell_of_thresholds,
    }


def outcomes() -> Iterator[tuple[str, Found | Exception]]:
    for name, part in parts().items():
        yield name, outcome_of(part)
    for above, outcome in swept.send_robust(None):
        yield f"{above.__module__}.{above.__name__}", outcome


def outcome_of(part: Callable[[], Found]) -> Found | Exception:
    try:
        return part()
    except Exception as error:  # noqa: BLE001 - it is told, and the other parts have their turn
        return error


def cry(name: str) -> None:
    """Once an hour, as beat sweeps every half minute."""
    try:
        limiter.take(Limit("sweep-alarm", name, 1, BETWEEN_ALARMS))
    except TooMany:
        return
    alarm.error("sweep stumbled", extra={"part": name})


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
    with one_by_one() as apart:
        for order in quiet.order_by("created_at")[:100]:
            with apart(f"order {order.pk}"):
                asked += ask_about(order, abandoned=order.created_at < now - ABANDONED)
    return asked


def ask_about(order: Order, *, abandoned: bool) -> bool:
    """An order that never reached the provider is given up; a hosted page lives a day."""
    if order.provider_id:
        try:
            state = get_provider(order.provider).read_checkout(order.provider_id)
            apply_checkout(order, state)
        except ProviderError as error:
            log.warning("checkout %s not read: %s", order.provider_id, error.code)
            return False
    elif abandoned:
        with transaction.atomic():
            fail(order, expired=True)
    return bool(order.provider_id)


def cancel_duplicates() -> int:
    keys = duplicates.pending()
    with one_by_one() as apart:
        for key in keys:
            with apart(f"subscription {key}"):
                try:
                    duplicates.cancel(key)
                except ProviderError as error:
                    log.warning("duplicate %s not canceled: %s", key, error.code)
    return len(keys)


def end_lesser() -> int:
    keys = superseding.pending()
    with one_by_one() as apart:
        for key in keys:
            with apart(f"order {key}"):
                try:
                    superseding.end_lesser(key)
                except (ProviderError, outgoing.UnderWay) as error:
                    log.warning("what order %s replaces has not ended: %s", key, error.code)
    return len(keys)
