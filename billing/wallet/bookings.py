"""What happens to money that is nobody's: one function for each row of the table in docs/design.md.

Each is safe to repeat with the same reference, and must run inside the transaction that says that
it happened. What people own is in funds.py and escrow.py.
"""

from __future__ import annotations

from uuid import UUID

from billing.wallet import ledger
from billing.wallet.accounts import (
    CASH,
    CASH_IN_TRANSIT,
    DISPUTES,
    PROVIDER_FEES,
    REFUNDS,
    REVENUE,
    clearing,
)
from config.kit.money import Money


def payment_paid(payment_id: UUID, provider: str, money: Money, *, description: str = "") -> bool:
    """A plan or an item is paid. Nothing is booked for what cost nothing."""
    if money.amount == 0:
        return False
    return ledger.move(
        money,
        reference=paid_reference(payment_id),
        source=clearing(provider),
        to=REVENUE,
        description=description,
    )


def paid_reference(payment_id: UUID) -> str:
    return f"payment:{payment_id}"


def provider_fee(transaction_id: str, provider: str, money: Money, *, for_what: str) -> bool:
    """What the provider kept of one of its movements; a minus is a fee that it gave back."""
    return ledger.move(
        money,
        reference=f"fee:{provider}:{transaction_id}",
        source=PROVIDER_FEES,
        to=clearing(provider),
        kind="provider_fee",
        description=for_what,
    )


def refund(reference: str, provider: str, money: Money, *, description: str = "") -> bool:
    """Money of an ordinary payment went back to who paid."""
    return ledger.move(
        money,
        reference=reference,
        source=REFUNDS,
        to=clearing(provider),
        kind="refund",
        description=description,
    )


def dispute_opened(dispute_id: str, provider: str, money: Money) -> bool:
    """The bank took the money back. A dispute that is lost needs no entry: it stays so."""
    return ledger.move(
        money,
        reference=f"dispute:{provider}:{dispute_id}:opened",
        source=DISPUTES,
        to=clearing(provider),
        kind="dispute",
    )


def dispute_won(dispute_id: str, provider: str, money: Money) -> bool:
    """The bank gave back what it took."""
    return ledger.move(
        money,
        reference=f"dispute:{provider}:{dispute_id}:won",
        source=clearing(provider),
        to=DISPUTES,
        kind="dispute_won",
    )


def bank_payout_sent(payout_id: str, provider: str, money: Money) -> bool:
    """It left what the provider holds, for our own bank."""
    return ledger.move(
        money,
        reference=f"bank_payout:{provider}:{payout_id}:sent",
        source=CASH_IN_TRANSIT,
        to=clearing(provider),
    )


def bank_payout_arrived(payout_id: str, provider: str, money: Money) -> bool:
    """Late news where it has come back already: then nothing is booked."""
    if ledger.is_booked(f"bank_payout:{provider}:{payout_id}:returned"):
        return False
    return ledger.move(
        money,
        reference=f"bank_payout:{provider}:{payout_id}:arrived",
        source=CASH,
        to=CASH_IN_TRANSIT,
    )


def bank_payout_returned(payout_id: str, provider: str, money: Money) -> bool:
    """The provider has it again, whether the bank had it or not."""
    arrived = f"bank_payout:{provider}:{payout_id}:arrived"
    if ledger.is_booked(arrived):
        undo(arrived, why="The bank sent it back")
    return ledger.move(
        money,
        reference=f"bank_payout:{provider}:{payout_id}:returned",
        source=clearing(provider),
        to=CASH_IN_TRANSIT,
    )


def top_up_received(top_up_id: str, provider: str, money: Money) -> bool:
    """Our own bank has added to what the provider holds."""
    return ledger.move(
        money,
        reference=f"top_up:{provider}:{top_up_id}:received",
        source=clearing(provider),
        to=CASH,
    )


def top_up_returned(top_up_id: str, provider: str, money: Money) -> bool:
    return ledger.move(
        money,
        reference=f"top_up:{provider}:{top_up_id}:returned",
        source=CASH,
        to=clearing(provider),
    )


def undo(reference: str, *, why: str) -> bool:
    """The opposite of a booked transfer, as for a refund that the bank sent back. Raises NotBooked,
    and IntegrityError where somebody would pass a floor."""
    entries = ledger.entries_of(reference)
    if not entries:
        raise ledger.NotBooked(f"{reference} is not in the books.")
    opposite = [(name, -money) for name, money in entries]
    return ledger.post(reference=f"{reference}:undone", entries=opposite, description=why)
