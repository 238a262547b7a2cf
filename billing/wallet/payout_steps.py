"""What is next to be done for a payout at the provider, one step at a time.

First the money goes to the person's account there, then from it to their bank; of one that failed,
the first half is taken back. Every step is an operation, so none happens twice; each process that
looks at the row sees the same next step, so any of them may die.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from billing.providers.base import ProviderError
from billing.providers.paying_out import PayoutWishes
from billing.providers.payout_facts import PayoutFunded, PayoutTakenBack
from billing.wallet import payouts
from billing.wallet.payout_models import Payout, PayoutAccount
from config.kit.one_by_one import one_by_one
from config.kit.states import StaleState

log = logging.getLogger(__name__)
alarm = logging.getLogger("alarm")

FUND, SEND, TAKE_BACK = "payout.fund", "payout.send", "payout.take_back"
# Steps of one payout in a row, and payouts of one sweep.
STEPS, AT_ONCE = 4, 100
PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
# The provider's word for "come back later": what is there is not available yet.
NO_FUNDS = frozenset({"balance_insufficient", "insufficient_funds"})
REFUSED = "The payment provider did not take it."
NOT_READY = frozenset({"insufficient_capabilities_for_transfer", "payouts_not_allowed"})


@dataclass(frozen=True, slots=True)
class Step:
    kind: str
    wishes: dict[str, Any]


def wake(user_id: int, provider: str) -> None:
    """The account is ready: what waited for it goes on. Must run inside a transaction."""
    waiting = Payout.objects.filter(
        user_id=user_id,
        provider=provider,
        status=Payout.Status.PENDING,
        waiting_for=Payout.Waiting.ACCOUNT,
    )
    waiting.update(waiting_for=Payout.Waiting.NOTHING, due_at=timezone.now())
    for payout in Payout.objects.stepping().filter(user_id=user_id, provider=provider):
        payouts.announce(payout)


def advance(payout_id: UUID | str) -> None:
    """Takes steps until the next one is another's. Outside any transaction; safe to repeat."""
    for _ in range(STEPS):
        operation = _next_operation(payout_id)
        if operation is None:
            return
        try:
            outgoing.submit(operation)
        except (ProviderError, StaleState) as error:
            operation.refresh_from_db()
            if operation.status != Operation.Status.FAILED:
                log.warning("payout %s waits for an answer: %s", payout_id, error)
                return


def sweep() -> int:
    """Those whose step was not announced, or had to wait; how many were looked at."""
    now = timezone.now()
    due = (
        Payout.objects.stepping()
        .filter(due_at__lte=now)
        .exclude(waiting_for=Payout.Waiting.ACCOUNT)
    )
    keys = list(due.order_by("due_at").values_list("pk", flat=True)[:AT_ONCE])
    with one_by_one() as apart:
        for key in keys:
            with apart(f"payout {key}"):
                advance(key)
    return len(keys)


def ask_about_quiet() -> int:
    """Those that were sent, and of which no event told for hours."""
    now = timezone.now()
    quiet = Payout.objects.under_way().filter(due_at__lte=now).exclude(provider_id=None)
    asked = 0
    with one_by_one() as apart:
        for payout in quiet.order_by("due_at")[:AT_ONCE]:
            with apart(f"payout {payout.pk}"):
                asked += ask_about(payout)
    return asked


def ask_about(payout: Payout) -> bool:
    account = PayoutAccount.objects.get(user=payout.user_id, provider=payout.provider)
    try:
        told = get_provider(payout.provider).read_payout(
            account.provider_id or "", payout.provider_id or ""
        )
    except ProviderError as error:
        log.warning("payout %s not read: %s", payout.provider_id, error.code)
        return False
    with transaction.atomic():
        payouts.follow(told)
        Payout.objects.filter(pk=payout.pk).update(due_at=timezone.now() + payouts.QUIET)
    return True


@transaction.atomic
def _next_operation(payout_id: UUID | str) -> Operation | None:
    """The operation of the next step, asked for under the payout's lock."""
    payout = Payout.objects.select_for_update().get(pk=payout_id)
    account = PayoutAccount.objects.filter(user=payout.user_id, provider=payout.provider).first()
    step = next_step(payout, account)
    if step is None:
        return None
    subject = payouts.subject(payout)
    last = Operation.objects.filter(kind=step.kind, subject=subject).order_by("-created_at").first()
    refused = last is not None and last.status == Operation.Status.FAILED
    if last is not None and refused and last.pk != payout.refused_id:
        _refused(payout, step, last)
        return None
    payout.tries += 1
    payout.save(update_fields=["tries"])
    return outgoing.request(
        kind=step.kind, provider=payout.provider, subject=subject, wishes=step.wishes, user=None
    )


def next_step(payout: Payout, account: PayoutAccount | None) -> Step | None:
    if payout.status in Payout.OVER and payout.transfer_id and not payout.taken_back:
        return Step(TAKE_BACK, {"transfer_id": payout.transfer_id, "payout_key": str(payout.pk)})
    if payout.status != Payout.Status.PENDING or payout.provider_id:
        return None
    if account is None or account.provider_id is None or not account.is_ready:
        return None
    if payout.due_at > timezone.now():
        return None
    wishes = {
        "payout_key": str(payout.pk),
        "account_id": account.provider_id,
        "amount": payout.amount,
        "currency": payout.currency,
    }
    return Step(SEND if payout.transfer_id else FUND, wishes)


def _refused(payout: Payout, step: Step, operation: Operation) -> None:
    """Later, when there is a reason to hope; otherwise never."""
    payout.refused_id = operation.pk
    payout.due_at = timezone.now() + min(PAUSE * 2 ** min(payout.tries, 10), LONGEST_PAUSE)
    if step.kind == TAKE_BACK:
        alarm.error("payout not taken back", extra={"payout": str(payout.pk)})
        payout.save(update_fields=["due_at", "refused_id"])
    elif operation.reason in NO_FUNDS:
        payout.waiting_for = Payout.Waiting.FUNDS
        payout.save(update_fields=["due_at", "refused_id", "waiting_for"])
    elif operation.reason in NOT_READY:
        PayoutAccount.objects.filter(user=payout.user_id, provider=payout.provider).update(
            is_ready=False
        )
        payout.waiting_for = Payout.Waiting.ACCOUNT
        payout.save(update_fields=["due_at", "refused_id", "waiting_for"])
    else:
        payout.save(update_fields=["due_at", "refused_id"])
        # The provider's own words are for staff, who find them with the call.
        payouts.end(payout, Payout.Status.FAILED, code=operation.reason, message=REFUSED)


@carries_out(FUND)
class Fund:
    def call(self, operation: Operation) -> Done:
        wishes = PayoutWishes(**operation.wishes)
        funded = get_provider(operation.provider).fund_payout(wishes, key=str(operation.pk))
        return Done(funded.transfer_id, (funded,))

    def look_up(self, operation: Operation) -> Done | None:
        wishes = PayoutWishes(**operation.wishes)
        found = get_provider(operation.provider).find_funding(wishes, key=str(operation.pk))
        return Done(found.transfer_id, (found,)) if found else None


@carries_out(SEND)
class Send:
    def call(self, operation: Operation) -> Done:
        wishes = PayoutWishes(**operation.wishes)
        sent = get_provider(operation.provider).send_payout(wishes, key=str(operation.pk))
        return Done(sent.payout_id, (sent,))

    def look_up(self, operation: Operation) -> Done | None:
        wishes = PayoutWishes(**operation.wishes)
        found = get_provider(operation.provider).find_payout(
            wishes, key=str(operation.pk), since=operation.created_at
        )
        return Done(found.payout_id, (found,)) if found else None


@carries_out(TAKE_BACK)
class TakeBack:
    def call(self, operation: Operation) -> Done:
        back = get_provider(operation.provider).take_back_payout(
            **operation.wishes, key=str(operation.pk)
        )
        return Done(back.reversal_id, (back,))

    def look_up(self, operation: Operation) -> Done | None:
        found = get_provider(operation.provider).find_taken_back(
            **operation.wishes, key=str(operation.pk)
        )
        return Done(found.reversal_id, (found,)) if found else None


def funded(fact: PayoutFunded) -> None:
    """Safe to repeat; must run inside a transaction."""
    Payout.objects.filter(pk=fact.payout_key).update(transfer_id=fact.transfer_id)


def taken_back(fact: PayoutTakenBack) -> None:
    """Safe to repeat; must run inside a transaction."""
    Payout.objects.filter(pk=fact.payout_key).update(taken_back=True)
