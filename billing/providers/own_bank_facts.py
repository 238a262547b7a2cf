"""What a provider tells of money between what it holds for us and our own bank."""

from __future__ import annotations

from dataclasses import dataclass

from billing.providers.facts import Fact
from config.kit.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPayoutChanged(Fact):
    """What it held, sent to our bank: `arrived` there, or `came_back`."""

    payout_id: str
    money: Money
    arrived: bool
    came_back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpChanged(Fact):
    """What our bank adds to it: `received`, and `returned` where the bank took it back."""

    top_up_id: str
    money: Money
    received: bool
    returned: bool
