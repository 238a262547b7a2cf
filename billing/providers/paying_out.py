"""Paying people out: to their account at the provider, and from there to their bank.

Where a call takes a `key`, it is the operation's id, by which `find_…` knows again what was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.providers.payout_facts import (
    PayoutAccountChanged,
    PayoutChanged,
    PayoutFunded,
    PayoutTakenBack,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayoutAccount:
    account_key: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutWishes:
    """`account_id` is whose bank it goes to, by the provider's name for them."""

    payout_key: str
    account_id: str
    amount: int
    currency: str


class PaysOut(Protocol):
    def open_payout_account(
        self, wishes: NewPayoutAccount, *, key: str
    ) -> PayoutAccountChanged: ...

    def find_payout_account(self, *, key: str, since: datetime) -> PayoutAccountChanged | None: ...

    def read_payout_account(self, account_id: str) -> PayoutAccountChanged: ...

    def close_payout_account(self, account_id: str) -> None:
        """For good, with all that its owner told there. Safe to repeat; refused while money is on
        it."""

    def is_closed(self, account_id: str) -> bool: ...

    def onboarding_url(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        """A short-lived page on which its owner tells who they are. Harmless to repeat."""

    def fund_payout(self, wishes: PayoutWishes, *, key: str) -> PayoutFunded: ...

    def find_funding(self, wishes: PayoutWishes, *, key: str) -> PayoutFunded | None: ...

    def send_payout(self, wishes: PayoutWishes, *, key: str) -> PayoutChanged: ...

    def find_payout(
        self, wishes: PayoutWishes, *, key: str, since: datetime
    ) -> PayoutChanged | None: ...

    def read_payout(self, account_id: str, payout_id: str) -> PayoutChanged: ...

    def take_back_payout(self, *, transfer_id: str, payout_key: str, key: str) -> PayoutTakenBack:
        """Undoes `fund_payout`."""

    def find_taken_back(
        self, *, transfer_id: str, payout_key: str, key: str
    ) -> PayoutTakenBack | None: ...
