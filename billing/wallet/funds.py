"""What a person has, earns, owes and takes out. What is owed is repaid first by what is earned.

The wallet's row is the lock of all of a person's money in one currency: whoever looks at a balance
to decide something holds it until the transaction ends. All of this must run inside one.
"""

from __future__ import annotations

from uuid import UUID

from billing.wallet import ledger
from billing.wallet.accounts import IN_TRANSIT, clearing, receivable, wallet
from billing.wallet.ledger import Line
from config.kit.errors import AppError
from config.kit.money import Money


class InsufficientFunds(AppError):
    code = "insufficient_funds"
    status = 409

    def __init__(self, available: Money) -> None:
        self.available = available
        super().__init__(f"Your wallet has {available}.")


def available(user_id: int, currency: str) -> Money:
    return ledger.balance(wallet(user_id), currency)


def owed(user_id: int, currency: str) -> Money:
    """As a positive amount."""
    return -ledger.balance(receivable(user_id), currency)


def arriving(user_id: int, money: Money) -> list[Line]:
    """The entries that give a person this much: to what they owe first, the rest to the wallet."""
    ledger.lock(wallet(user_id), money.currency)
    repaid = min(owed(user_id, money.currency).amount, money.amount)
    return [
        (receivable(user_id), Money(repaid, money.currency)),
        (wallet(user_id), Money(money.amount - repaid, money.currency)),
    ]


def leaving(user_id: int, money: Money) -> list[Line]:
    """The entries that take this much from a person, who owes what the wallet does not have."""
    had = ledger.lock(wallet(user_id), money.currency)
    taken = min(had.amount, money.amount)
    return [
        (wallet(user_id), Money(-taken, money.currency)),
        (receivable(user_id), Money(taken - money.amount, money.currency)),
    ]


# --- payouts: reserved when asked for, gone or given back when the provider has told --------------
def reserve(payout_id: UUID, user_id: int, money: Money) -> None:
    """Takes a payout's money out of the wallet before the provider hears of it.

    Raises InsufficientFunds, also for whoever still owes something.
    """
    had = ledger.lock(wallet(user_id), money.currency)
    if had.amount < money.amount or owed(user_id, money.currency).amount:
        raise InsufficientFunds(had)
    ledger.move(
        money,
        reference=f"payout:{payout_id}",
        source=wallet(user_id),
        to=IN_TRANSIT,
        description="Payout",
    )


def payout_paid(payout_id: UUID, user_id: int, provider: str, money: Money) -> bool:
    """False also where it was returned before: that is the end of a payout."""
    ledger.lock(wallet(user_id), money.currency)
    if ledger.is_booked(f"payout:{payout_id}:returned"):
        return False
    return ledger.move(
        money,
        reference=f"payout:{payout_id}:paid",
        source=IN_TRANSIT,
        to=clearing(provider),
        kind="payout_paid",
    )


def payout_returned(payout_id: UUID, user_id: int, provider: str, money: Money) -> bool:
    """A payout failed or was canceled, perhaps after it was reported as paid: its money is the
    person's again, once."""
    ledger.lock(wallet(user_id), money.currency)
    reference = f"payout:{payout_id}:returned"
    if ledger.is_booked(reference):
        return False
    was_paid = ledger.is_booked(f"payout:{payout_id}:paid")
    source = clearing(provider) if was_paid else IN_TRANSIT
    return ledger.post(
        reference=reference,
        entries=[(source, -money), *arriving(user_id, money)],
        kind="payout_returned",
        description="Payout returned",
    )
