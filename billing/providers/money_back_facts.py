"""What a provider tells of money that goes back to who paid."""

from __future__ import annotations

from dataclasses import dataclass

from billing.providers.facts import Fact
from config.kit.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBack(Fact):
    payment_id: str
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundChanged(MoneyBack):
    """`sent`: it left what the provider holds for us; `came_back`: and is there again."""

    refund_id: str
    sent: bool
    came_back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeChanged(MoneyBack):
    """`taken`: the bank has the money; `given_back`, or `lost` for good."""

    dispute_id: str
    taken: bool
    given_back: bool
    lost: bool
