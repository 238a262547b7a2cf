"""What a provider tells of those whom we pay, and of the money on its way to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billing.providers.facts import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutAccountChanged(Fact):
    """`account_key` is our own row's, where the account names it; `is_connected` where the event
    came from the account itself."""

    account_key: str
    account_id: str
    is_ready: bool
    details_submitted: bool
    country: str
    currency: str
    requirements: tuple[str, ...]
    is_connected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutFunded(Fact):
    payout_key: str
    transfer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutTakenBack(Fact):
    payout_key: str
    reversal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutChanged(Fact):
    """`payout_key` is our own row's, where the payout names it; `account_id` whose it is, by the
    provider's name, empty for the platform's own."""

    payout_key: str
    payout_id: str
    account_id: str
    status: str
    arrives_at: datetime | None
    failure_code: str = ""
    failure_message: str = ""
