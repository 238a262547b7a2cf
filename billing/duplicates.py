"""Canceling at the provider what a user bought twice."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from billing.models import Subscription
from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider

KIND = "duplicate.cancel"
# A refusal is not asked about again for so long.
REFUSED = timedelta(hours=1)


def cancel(subscription_id: str) -> None:
    """Safe to repeat, also at once. What is not answered is left to the sweep. Raises
    ProviderError."""
    with transaction.atomic():
        rows = Subscription.objects.select_for_update(of=("self",)).select_related("user")
        subscription = rows.get(pk=subscription_id, duplicate=True)
        if subscription.status in Subscription.FINAL:
            return
        ending = outgoing.request(
            kind=KIND,
            provider=subscription.provider,
            subject=subject_of(subscription_id),
            wishes={"subscription_id": subscription.provider_id},
            user=subscription.user,
        )
    if ending.status == Operation.Status.REQUESTED:
        outgoing.submit(ending)


def pending() -> list[str]:
    rows = Subscription.objects.filter(duplicate=True, status__in=Subscription.LIVE)
    keys = [str(key) for key in rows.values_list("pk", flat=True)[:100]]
    refused = Operation.objects.filter(
        kind=KIND,
        subject__in=[subject_of(key) for key in keys],
        status=Operation.Status.FAILED,
        finished_at__gt=timezone.now() - REFUSED,
    )
    resting = set(refused.values_list("subject", flat=True))
    return [key for key in keys if subject_of(key) not in resting]


def subject_of(subscription_id: str) -> str:
    return f"subscription:{subscription_id}"


@carries_out(KIND)
class CancelDuplicate:
    def call(self, operation: Operation) -> Done:
        theirs = operation.wishes["subscription_id"]
        provider = get_provider(operation.provider)
        return Done(theirs, (provider.cancel_subscription(theirs, key=str(operation.pk)),))

    def look_up(self, operation: Operation) -> Done | None:
        theirs = operation.wishes["subscription_id"]
        ended = get_provider(operation.provider).canceled_subscription(theirs)
        return Done(theirs, (ended,)) if ended else None
