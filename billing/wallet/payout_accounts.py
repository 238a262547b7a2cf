"""Whom we can pay: people who told the provider who they are. Nothing of that is kept here."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import Q

from billing.operations import outgoing
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from billing.providers.paying_out import NewPayoutAccount
from billing.providers.payout_facts import PayoutAccountChanged
from billing.wallet import payout_steps
from billing.wallet.payout_models import PayoutAccount
from billing.webhooks.registry import NotOurs
from sessions_live.models import User

alarm = logging.getLogger("alarm")

OPEN = "payout_account.open"


def account_of(user: User, provider: str = "stripe") -> PayoutAccount | None:
    return PayoutAccount.objects.filter(user=user, provider=provider).first()


def onboarding_url(user: User, *, return_url: str, refresh_url: str) -> str:
    """The provider's page on which somebody tells who they are. Network. Raises ProviderError."""
    account = ensure_account(user)
    return get_provider(account.provider).onboarding_url(
        account.provider_id or "", return_url=return_url, refresh_url=refresh_url
    )


def ensure_account(user: User, provider: str = "stripe") -> PayoutAccount:
    account, _ = PayoutAccount.objects.get_or_create(user=user, provider=provider)
    if account.provider_id is None:
        with transaction.atomic():
            operation = outgoing.request(
                kind=OPEN,
                provider=provider,
                subject=f"payout_account:{account.pk}",
                wishes={"account_key": str(account.pk), "email": user.email},
                user=user,
            )
        outgoing.submit(operation)
        account.refresh_from_db()
    return account


def look_again(account: PayoutAccount) -> None:
    """Somebody is back from the provider's page, perhaps before its event. Network. Raises
    ProviderError."""
    if account.provider_id is not None and not account.is_ready:
        told = get_provider(account.provider).read_payout_account(account.provider_id)
        with transaction.atomic():
            follow(told)


@carries_out(OPEN)
class OpenAccount:
    def call(self, operation: Operation) -> Done:
        wishes = NewPayoutAccount(**operation.wishes)
        made = get_provider(operation.provider).open_payout_account(wishes, key=str(operation.pk))
        return Done(made.account_id, (made,))

    def look_up(self, operation: Operation) -> Done | None:
        found = get_provider(operation.provider).find_payout_account(
            key=str(operation.pk), since=operation.created_at
        )
        return Done(found.account_id, (found,)) if found else None


def follow(fact: PayoutAccountChanged) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs."""
    account = _find(fact)
    if account is None:
        if fact.is_connected:
            alarm.error("event of an unknown payout account", extra={"account": fact.account_id})
        raise NotOurs(f"payout account {fact.account_id}")
    if account.fact_at is not None and fact.at < account.fact_at:
        return
    became_ready = fact.is_ready and not account.is_ready
    account.provider_id, account.fact_at = fact.account_id, fact.at
    account.details_submitted, account.is_ready = fact.details_submitted, fact.is_ready
    account.country, account.currency = fact.country, fact.currency
    account.requirements = list(fact.requirements)
    account.save()
    if became_ready:
        payout_steps.wake(account.user_id, account.provider)


def _find(fact: PayoutAccountChanged) -> PayoutAccount | None:
    """By our own row's name, too, where the provider's answer is late; never somebody else's."""
    known = PayoutAccount.objects.select_for_update().filter(provider=fact.provider)
    ours = Q(provider_id=fact.account_id)
    if fact.account_key:
        ours |= Q(pk=fact.account_key, provider_id=None)
    return known.filter(ours).first()
