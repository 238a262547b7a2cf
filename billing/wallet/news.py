"""Telling people's browsers what they have now, once it is committed."""

from __future__ import annotations

from billing.wallet import reading
from billing.wallet.serializers import BalanceSerializer
from sessions_live import live


def changed(user_id: int, currency: str) -> None:
    """Must run inside the transaction that changed it."""
    standing = reading.standing(user_id, currency)
    told = {"message": f"{standing.available} in your wallet"}
    live.push(user_id, "wallet:update", {**BalanceSerializer(standing).data, **told})


def awaited(user_id: int, currency: str) -> None:
    """Of what is held for a person; nothing that they have has changed. Must run inside the
    transaction that changed it."""
    standing = reading.standing(user_id, currency)
    live.push(user_id, "wallet:update", BalanceSerializer(standing).data)
