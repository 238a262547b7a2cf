"""Paying people out with Stripe Connect: an Express account for each, whose payouts we make.

Everything carries its operation's id, by which it is found in lists after a lost answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from billing.providers.base import ProviderRefused
from billing.providers.own_bank_facts import BankPayoutChanged
from billing.providers.paying_out import NewPayoutAccount, PayoutWishes
from billing.providers.payout_facts import (
    PayoutAccountChanged,
    PayoutChanged,
    PayoutFunded,
    PayoutTakenBack,
)
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.own_bank import bank_payout_fact
from billing.providers.stripe.reading import PROVIDER, Payload, one_of

STATUSES = ("pending", "in_transit", "paid", "failed", "canceled")
# Our clock and Stripe's need not agree.
SLACK = timedelta(minutes=10)
# What Stripe says of an account that is deleted: that our key cannot reach it.
GONE = ("account_invalid", "resource_missing")


class StripePayouts:
    def open_payout_account(self, wishes: NewPayoutAccount, *, key: str) -> PayoutAccountChanged:
        with stripe_says() as stripe:
            made = stripe.v1.accounts.create(
                {
                    "type": "express",
                    "email": wishes.email,
                    "capabilities": {"transfers": {"requested": True}},
                    # What arrives there leaves by our payouts alone, so that each is in our books.
                    "settings": {"payouts": {"schedule": {"interval": "manual"}}},
                    "metadata": {"operation_id": key, "payout_account_id": wishes.account_key},
                },
                {"idempotency_key": key},
            )
        return account_fact(made.to_dict(), _now())

    def find_payout_account(self, *, key: str, since: datetime) -> PayoutAccountChanged | None:
        with stripe_says() as stripe:
            listed = stripe.v1.accounts.list({"created": {"gte": _seconds(since)}, "limit": 100})
            for account in listed.auto_paging_iter():
                if _is_of(account.to_dict(), key):
                    return account_fact(account.to_dict(), _now())
        return None

    def read_payout_account(self, account_id: str) -> PayoutAccountChanged:
        with stripe_says() as stripe:
            account = stripe.v1.accounts.retrieve(account_id)
        return account_fact(account.to_dict(), _now())

    def close_payout_account(self, account_id: str) -> None:
        try:
            with stripe_says() as stripe:
                stripe.v1.accounts.delete(account_id)
        except ProviderRefused as refusal:
            if refusal.reason not in GONE:
                raise

    def is_closed(self, account_id: str) -> bool:
        try:
            self.read_payout_account(account_id)
        except ProviderRefused as refusal:
            if refusal.reason not in GONE:
                raise
            return True
        return False

    def onboarding_url(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        with stripe_says() as stripe:
            link = stripe.v1.account_links.create(
                {
                    "account": account_id,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                }
            )
        return link.url

    def fund_payout(self, wishes: PayoutWishes, *, key: str) -> PayoutFunded:
        with stripe_says() as stripe:
            made = stripe.v1.transfers.create(
                {
                    "amount": wishes.amount,
                    "currency": wishes.currency,
                    "destination": wishes.account_id,
                    "transfer_group": _group(wishes.payout_key),
                    "metadata": _ours(wishes.payout_key, key),
                },
                {"idempotency_key": key},
            )
        return _funded(wishes.payout_key, made.id)

    def find_funding(self, wishes: PayoutWishes, *, key: str) -> PayoutFunded | None:
        with stripe_says() as stripe:
            listed = stripe.v1.transfers.list({"transfer_group": _group(wishes.payout_key)})
        made = next((each.id for each in listed.data if _is_of(each.to_dict(), key)), None)
        return _funded(wishes.payout_key, made) if made else None

    def send_payout(self, wishes: PayoutWishes, *, key: str) -> PayoutChanged:
        with stripe_says() as stripe:
            made = stripe.v1.payouts.create(
                {
                    "amount": wishes.amount,
                    "currency": wishes.currency,
                    "metadata": _ours(wishes.payout_key, key),
                },
                {"idempotency_key": key, "stripe_account": wishes.account_id},
            )
        return payout_fact(made.to_dict(), _now(), wishes.account_id)

    def find_payout(
        self, wishes: PayoutWishes, *, key: str, since: datetime
    ) -> PayoutChanged | None:
        with stripe_says() as stripe:
            listed = stripe.v1.payouts.list(
                {"created": {"gte": _seconds(since)}, "limit": 100},
                {"stripe_account": wishes.account_id},
            )
            for payout in listed.auto_paging_iter():
                if _is_of(payout.to_dict(), key):
                    return payout_fact(payout.to_dict(), _now(), wishes.account_id)
        return None

    def read_payout(self, account_id: str, payout_id: str) -> PayoutChanged:
        with stripe_says() as stripe:
            payout = stripe.v1.payouts.retrieve(payout_id, {}, {"stripe_account": account_id})
        return payout_fact(payout.to_dict(), _now(), account_id)

    def take_back_payout(self, *, transfer_id: str, payout_key: str, key: str) -> PayoutTakenBack:
        with stripe_says() as stripe:
            made = stripe.v1.transfers.reversals.create(
                transfer_id, {"metadata": _ours(payout_key, key)}, {"idempotency_key": key}
            )
        return _taken_back(payout_key, made.id)

    def find_taken_back(
        self, *, transfer_id: str, payout_key: str, key: str
    ) -> PayoutTakenBack | None:
        with stripe_says() as stripe:
            listed = stripe.v1.transfers.reversals.list(transfer_id)
        made = next((each.id for each in listed.data if _is_of(each.to_dict(), key)), None)
        return _taken_back(payout_key, made) if made else None


def _ours(payout_key: str, key: str) -> dict[str, str]:
    return {"payout_id": payout_key, "operation_id": key}


def _group(payout_key: str) -> str:
    return f"payout:{payout_key}"


def _is_of(thing: Payload, key: str) -> bool:
    return (thing.get("metadata") or {}).get("operation_id") == key


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _seconds(since: datetime) -> int:
    return int((since - SLACK).timestamp())


def _funded(payout_key: str, transfer_id: str) -> PayoutFunded:
    return PayoutFunded(
        provider=PROVIDER, at=_now(), payout_key=payout_key, transfer_id=transfer_id
    )


def _taken_back(payout_key: str, reversal_id: str) -> PayoutTakenBack:
    return PayoutTakenBack(
        provider=PROVIDER, at=_now(), payout_key=payout_key, reversal_id=reversal_id
    )


# --- what Stripe tells: also of accounts that are none of ours, so the rules ask whose ------------
def account_fact(account: Payload, at: datetime, event_account: str = "") -> PayoutAccountChanged:
    capabilities, needed = account["capabilities"] or {}, account["requirements"] or {}
    return PayoutAccountChanged(
        provider=PROVIDER,
        at=at,
        account_key=(account.get("metadata") or {}).get("payout_account_id", ""),
        account_id=account["id"],
        is_ready=bool(account["payouts_enabled"]) and capabilities.get("transfers") == "active",
        details_submitted=bool(account["details_submitted"]),
        country=account["country"] or "",
        currency=account["default_currency"] or "",
        requirements=tuple(needed.get("currently_due") or ()),
        is_connected=bool(event_account),
    )


def payout_fact(payout: Payload, at: datetime, event_account: str) -> PayoutChanged:
    return PayoutChanged(
        provider=PROVIDER,
        at=at,
        payout_key=(payout.get("metadata") or {}).get("payout_id", ""),
        payout_id=payout["id"],
        account_id=event_account,
        status=one_of(STATUSES, payout["status"]),
        arrives_at=datetime.fromtimestamp(payout["arrival_date"], UTC),
        failure_code=payout["failure_code"] or "",
        failure_message=payout["failure_message"] or "",
    )


def payout_or_own(
    payout: Payload, at: datetime, event_account: str
) -> PayoutChanged | BankPayoutChanged:
    """One that is of no payee's account is of our own, and goes to our own bank."""
    if not event_account:
        return bank_payout_fact(payout, at)
    return payout_fact(payout, at, event_account)


READERS: dict[
    str,
    Callable[[Payload, datetime, str], PayoutAccountChanged | PayoutChanged | BankPayoutChanged],
] = {
    "account.updated": account_fact,
    "payout.created": payout_or_own,
    "payout.updated": payout_or_own,
    "payout.paid": payout_or_own,
    "payout.failed": payout_or_own,
    "payout.canceled": payout_or_own,
}
