"""What a provider lists of what it has, for comparing it with what we have. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from billing.providers.facts import Delivery, Fact, InvoiceChanged
from config.kit.money import Money

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of what a provider has, newest first; `after` asks for the next, empty at the end.

    `ids` are all that stand on it, also where they mean nothing to us, and `oldest` is when the
    last of them was made; `unreadable` says why an object could not be read.
    """

    items: list[T]
    after: str
    ids: tuple[str, ...] = ()
    oldest: datetime | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerSeen:
    """`key` is our own row's, where the customer names one."""

    customer_id: str
    key: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A line in the provider's own books; a minus leaves. `fee` is what it kept of it.

    `kind` is payment, refund, refund_failed, dispute, dispute_won, transfer, transfer_back,
    bank_payout, bank_payout_back, top_up, top_up_back, a fee that is of no other movement, or the
    provider's own word for what else there is.
    """

    movement_id: str
    kind: str
    money: Money
    fee: Money
    # What it was for: a charge, a refund, a transfer.
    source_id: str
    payment_id: str = ""
    customer_id: str = ""
    at: datetime


class Lists(Protocol):
    """All there is where `since` is None, and of everybody where no `customer` is named."""

    def list_events(self, since: datetime | None, after: str) -> Listed[Delivery]: ...

    def list_customers(
        self, since: datetime | None, after: str, customer: str
    ) -> Listed[CustomerSeen]: ...

    def list_subscriptions(
        self, since: datetime | None, after: str, customer: str
    ) -> Listed[Fact]: ...

    def list_invoices(
        self, since: datetime | None, after: str, customer: str
    ) -> Listed[InvoiceChanged]: ...

    def list_payments(self, since: datetime | None, after: str, customer: str) -> Listed[Fact]: ...

    def list_movements(self, since: datetime | None, after: str, customer: str) -> Listed[Movement]:
        """Of one customer only what their payments brought."""

    def read_customer(self, customer_id: str) -> CustomerSeen:
        """Raises NotFound, also where it was deleted."""

    def read_invoice_alone(self, invoice_id: str) -> InvoiceChanged: ...

    def read_movement(self, movement_id: str) -> Movement: ...

    def movement_of(self, kind: str, object_id: str) -> Movement | None:
        """What moved for a payment, a transfer, a refund and so on, by the movement's kind; None
        where that is not in its books yet. Raises NotFound."""

    def read_source(self, kind: str, object_id: str) -> list[Fact]:
        """Of a refund, a dispute, or what went between the provider and our own bank, what its
        events would tell now. Raises NotFound."""
