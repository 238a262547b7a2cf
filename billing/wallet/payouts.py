"""Taking money out of a wallet: asked for by its owner, followed to the bank and, if need be, back.

What is sent to the provider, and when, is decided in payout_steps.py.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.operations.keys import made_once, of_key
from billing.operations.models import Operation
from billing.providers.payout_facts import PayoutChanged
from billing.wallet import funds, news, payout_news, tasks
from billing.wallet.payout_models import Payout, PayoutAccount
from billing.webhooks.registry import NotOurs
from config.kit.announcing import announce as announce_task
from config.kit.errors import AppError
from config.kit.money import Money, decimals
from sessions_live.models import User

alarm = logging.getLogger("alarm")

# After this long without an event the provider is asked.
QUIET = timedelta(hours=6)


class PayoutTooSmall(AppError):
    code = "payout_too_small"

    def __init__(self, least: Money) -> None:
        super().__init__(f"A payout is at least {least}.", attr="amount")


class WrongCurrency(AppError):
    code = "payout_currency"
    status = 409


class PayoutNotFound(AppError):
    code = "not_found"
    status = 404
    detail = "You have no such payout."


class PayoutOnItsWay(AppError):
    code = "payout_on_its_way"
    status = 409
    detail = "This payout is on its way already, or over; it cannot be canceled any more."


def least(currency: str) -> Money:
    """One whole unit; banks charge more than that for less. A hundred where units are small."""
    return Money(100 if decimals(currency) == 0 else 10 ** decimals(currency), currency)


def request_payout(
    user: User, money: Money, *, idempotency_key: str | None = None, provider: str = "stripe"
) -> Payout:
    """Its money leaves the wallet at once; it waits while the payout account is not ready. The same
    key and wishes give the same payout. Raises PayoutTooSmall, InsufficientFunds, WrongCurrency,
    KeyReused."""
    if money.amount < least(money.currency).amount:
        raise PayoutTooSmall(least(money.currency))
    fingerprint = hashlib.sha256(repr((money, provider)).encode()).hexdigest()
    theirs = Payout.objects.filter(user=user)
    before = of_key(theirs, idempotency_key, fingerprint)
    if before is not None:
        return before
    account = PayoutAccount.objects.filter(user=user, provider=provider).first()
    if account is not None and account.is_ready and account.currency != money.currency:
        raise WrongCurrency(f"Your payout account takes {account.currency.upper()} only.")

    def make() -> Payout:
        payout = Payout.objects.create(
            user=user,
            provider=provider,
            amount=money.amount,
            currency=money.currency,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
            waiting_for=_waiting_for(account),
        )
        funds.reserve(payout.pk, user.pk, money)
        news.changed(user.pk, money.currency)
        payout_news.told(payout)
        announce(payout)
        return payout

    return made_once(theirs, idempotency_key, fingerprint, make)


def _waiting_for(account: PayoutAccount | None) -> str:
    ready = account is not None and account.is_ready
    return Payout.Waiting.NOTHING if ready else Payout.Waiting.ACCOUNT


@transaction.atomic
def cancel_payout(user: User, payout_id: UUID | str) -> Payout:
    """While nothing of it has been sent. Raises PayoutNotFound, PayoutOnItsWay."""
    payout = Payout.objects.select_for_update().filter(user=user, pk=payout_id).first()
    if payout is None:
        raise PayoutNotFound()
    if not can_be_canceled(payout):
        raise PayoutOnItsWay()
    end(payout, Payout.Status.CANCELED)
    return payout


def can_be_canceled(payout: Payout) -> bool:
    """Nothing was sent, and nothing is being sent at this moment."""
    if payout.status != Payout.Status.PENDING or payout.transfer_id:
        return False
    return not Operation.objects.open().filter(subject=subject(payout)).exists()


def subject(payout: Payout) -> str:
    return f"payout:{payout.pk}"


def announce(payout: Payout) -> None:
    """Asks a worker for the next step, on commit; where that is lost, the sweep takes it."""
    key = str(payout.pk)
    transaction.on_commit(lambda: announce_task(tasks.advance_payout, key), robust=True)


def follow(fact: PayoutChanged) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs."""
    payout = _find(fact)
    was_sent = payout.provider_id is not None
    if not was_sent:
        payout.provider_id, payout.waiting_for = fact.payout_id, Payout.Waiting.NOTHING
        payout.due_at = timezone.now() + QUIET
    payout.arrives_at = fact.arrives_at or payout.arrives_at
    payout.save(update_fields=["provider_id", "waiting_for", "due_at", "arrives_at"])
    if not payout.can_move_to(fact.status):
        if not was_sent and payout.status == Payout.Status.PENDING:
            payout_news.told(payout)
        return
    if fact.status in Payout.OVER:
        end(payout, fact.status, code=fact.failure_code, message=fact.failure_message)
        return
    is_paid = fact.status == Payout.Status.PAID
    payout.move_to(fact.status, finished_at=fact.at if is_paid else None)
    if is_paid:
        funds.payout_paid(payout.pk, payout.user_id, payout.provider, payout.money)
    payout_news.told(payout)


def _find(fact: PayoutChanged) -> Payout:
    """Of the account that the event came from alone: another one's payouts may carry any name."""
    payout = (
        Payout.objects.select_for_update()
        .filter(pk=fact.payout_key, provider=fact.provider)
        .first()
        if fact.payout_key
        else None
    )
    account = PayoutAccount.objects.filter(
        provider=fact.provider, provider_id=fact.account_id
    ).first()
    if payout is None:
        if fact.account_id and account is None:
            alarm.error("event of an unknown payout account", extra={"account": fact.account_id})
        raise NotOurs(f"payout {fact.payout_id}")
    if account is None or account.user_id != payout.user_id:
        alarm.error("payout of another account", extra={"payout": str(payout.pk)})
        raise NotOurs(f"payout {fact.payout_id} is of another account")
    if payout.provider_id not in (None, fact.payout_id):
        raise NotOurs(f"payout {payout.pk} is {payout.provider_id}")
    return payout


def end(payout: Payout, status: str, *, code: str = "", message: str = "") -> None:
    """It did not arrive: its money is the owner's again. Must run inside a transaction."""
    payout.move_to(
        status,
        failure_code=code[:80],
        failure_message=message[:300],
        waiting_for=Payout.Waiting.NOTHING,
        finished_at=timezone.now(),
    )
    if funds.payout_returned(payout.pk, payout.user_id, payout.provider, payout.money):
        news.changed(payout.user_id, payout.currency)
    payout_news.told(payout)
    announce(payout)
