"""The names of the ledger's accounts: all of them, and what each is for."""

from __future__ import annotations

from uuid import UUID

# What was sold, gross; what was given back is in `refunds` and `disputes`, not taken off here.
REVENUE = "revenue"
REFUNDS = "refunds"
DISPUTES = "disputes"
# What the platform keeps of what people earn, and what its provider keeps of everything.
PLATFORM_FEES = "fees:platform"
PROVIDER_FEES = "fees:provider"
# On its way to somebody's bank.
IN_TRANSIT = "payouts:in_transit"
# What our own bank has had from providers, less what it gave them; a minus, as clearing is.
CASH = "cash:bank"
CASH_IN_TRANSIT = "cash:in_transit"


def clearing(provider: str) -> str:
    """The other side of all money from outside: its minus is what the provider holds for us."""
    return f"{provider}:clearing"


def escrow(payment_id: UUID | str) -> str:
    """Paid, and nobody's yet."""
    return f"escrow:{payment_id}"


def wallet(user_id: int) -> str:
    """What a person has; never below zero."""
    return f"wallet:{user_id}"


def receivable(user_id: int) -> str:
    """What a person owes, as a minus; never above zero."""
    return f"receivable:{user_id}"
