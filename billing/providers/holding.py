"""Taking a payment that is to wait in escrow: one that the payer's own client confirms, or one on a
hosted page.

Where a call takes a `key`, it is the operation's id, by which `find_…` knows again what was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from billing.providers.facts import EscrowOpened, EscrowPageOpened


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowRequest:
    """Plain values: it is kept in a row, to be asked for once more to the letter."""

    escrow_id: str
    customer_id: str
    amount: int
    currency: str
    description: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowPageRequest(EscrowRequest):
    """`name` is what the page says that is paid for, `about` what happens to the money."""

    name: str
    about: str
    success_url: str
    cancel_url: str


class TakesForEscrow(Protocol):
    def open_escrow(self, request: EscrowRequest, *, key: str) -> EscrowOpened: ...

    def find_escrow(self, request: EscrowRequest, *, key: str) -> EscrowOpened | None: ...

    def open_escrow_page(self, request: EscrowPageRequest, *, key: str) -> EscrowPageOpened: ...

    def find_escrow_page(
        self, request: EscrowPageRequest, *, key: str
    ) -> EscrowPageOpened | None: ...
