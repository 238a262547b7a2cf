"""What is not collected any more. An ended subscription owes nothing: its open invoices are voided.
One that is to end is not asked for by the provider's own tries; its owner may still pay."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from billing.models import Invoice, Subscription
from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from billing.providers.base import ProviderError
from config.kit.one_by_one import one_by_one

log = logging.getLogger(__name__)

KIND = "invoice.close"
AT_ONCE = 50
# A refusal is not asked about again for so long.
REFUSED = timedelta(hours=1)


def close_left_open() -> int:
    """For the sweep; safe to run at any time and by several at once."""
    closed = 0
    with one_by_one() as apart:
        for how, invoices in (("void", of_ended()), ("rest", of_ending())):
            for invoice in unless_refused(list(invoices[:AT_ONCE])):
                with apart(f"invoice {invoice.pk}"):
                    closed += close_if_possible(invoice, how)
    return closed


def close_if_possible(invoice: Invoice, how: str) -> bool:
    try:
        return close(invoice, how)
    except (ProviderError, outgoing.UnderWay) as error:
        log.warning("invoice %s not closed: %s", invoice.provider_id, error.code)
        return False


def of_ended() -> QuerySet[Invoice]:
    return _open_of(Q(status__in=Subscription.FINAL))


def of_ending() -> QuerySet[Invoice]:
    ending = Q(status__in=Subscription.LIVE, cancel_at_period_end=True)
    return _open_of(ending).exclude(next_attempt_at=None)


def _open_of(subscriptions: Q) -> QuerySet[Invoice]:
    theirs = Subscription.objects.filter(
        subscriptions,
        provider=OuterRef("provider"),
        provider_id=OuterRef("provider_subscription_id"),
    )
    rows = Invoice.objects.filter(Exists(theirs), status=Invoice.Status.OPEN)
    return rows.exclude(provider_subscription_id="").order_by("created_at", "id")


def unless_refused(invoices: list[Invoice]) -> list[Invoice]:
    refused = Operation.objects.filter(
        kind=KIND,
        subject__in=[subject_of(invoice) for invoice in invoices],
        status=Operation.Status.FAILED,
        finished_at__gt=timezone.now() - REFUSED,
    )
    resting = set(refused.values_list("subject", flat=True))
    return [invoice for invoice in invoices if subject_of(invoice) not in resting]


def subject_of(invoice: Invoice) -> str:
    return f"invoice:{invoice.pk}"


def close(invoice: Invoice, how: str) -> bool:
    with transaction.atomic():
        row = Invoice.objects.select_for_update(of=("self",)).get(pk=invoice.pk)
        if row.status != Invoice.Status.OPEN:
            return False
        operation = outgoing.request(
            kind=KIND,
            provider=invoice.provider,
            subject=subject_of(invoice),
            wishes={"invoice_id": invoice.provider_id, "how": how},
            user=invoice.user,
        )
    if operation.status == Operation.Status.REQUESTED:
        outgoing.submit(operation)
    return True


@carries_out(KIND)
class CloseInvoice:
    def call(self, operation: Operation) -> Done:
        invoice_id, how = operation.wishes["invoice_id"], operation.wishes["how"]
        provider = get_provider(operation.provider)
        fact = provider.close_invoice(invoice_id, how, key=str(operation.pk))
        return Done(invoice_id, (fact,))

    def look_up(self, operation: Operation) -> Done | None:
        invoice_id, how = operation.wishes["invoice_id"], operation.wishes["how"]
        fact = get_provider(operation.provider).closed_invoice(invoice_id, how)
        return Done(invoice_id, (fact,)) if fact else None
