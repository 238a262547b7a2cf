"""What the books must say, in the plainest words: the model that R13 holds the product to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

FEE_BPS = 1000
LEAST_PAYOUT = 100


class Refused(Exception):
    """What the product must refuse, with this status."""

    def __init__(self, status: int = 409) -> None:
        self.status = status


def fee_of(amount: int) -> int:
    """A tenth, to the nearest unit; the half goes to the platform."""
    whole, rest = divmod(amount * FEE_BPS, 10_000)
    return whole + (2 * rest >= 10_000)


@dataclass
class Held:
    payer: int
    payee: int
    amount: int
    paid: bool = False
    released: int = 0
    returned: int = 0
    refunded: int = 0
    # What the bank took, and whether it has decided.
    disputed: int = 0
    is_open: bool = False
    # By a release. What a refund empties gets its status from whoever refunds.
    handed_over: bool = False

    @property
    def left(self) -> int:
        return self.amount - self.released - self.returned if self.paid else 0

    @property
    def can_go_back(self) -> int:
        """What its provider would still refund, or a bank still dispute."""
        return 0 if self.disputed or not self.paid else self.amount - self.refunded

    @property
    def status(self) -> str:
        if not self.paid:
            return "pending"
        return "released" if self.handed_over else "held"


@dataclass
class Books:
    has: Counter[int] = field(default_factory=Counter)
    owes: Counter[int] = field(default_factory=Counter)
    escrows: list[Held] = field(default_factory=list)
    fees: int = 0
    disputes: int = 0
    outside: int = 0  # what came in, less what went back out
    in_transit: int = 0

    def pay(self, number: int) -> None:
        held = self.escrows[number]
        if not held.paid:
            held.paid = True
            self.outside += held.amount

    def release(self, number: int, part: int | None) -> None:
        held = self.escrows[number]
        amount = held.left if part is None else part
        if held.left == 0 or held.is_open or amount > held.left:
            raise Refused
        fee = fee_of(held.released + amount) - fee_of(held.released)
        held.released += amount
        held.handed_over = held.handed_over or held.left == 0
        self.fees += fee
        self.earn(held.payee, amount - fee)

    def refund(self, number: int, amount: int) -> int:
        """How much of it was taken out of what is held."""
        self.escrows[number].refunded += amount
        self.outside -= amount
        return self.take(number, amount)

    def bounce(self, number: int, amount: int, from_held: int) -> None:
        """A refund did not arrive."""
        held = self.escrows[number]
        held.refunded -= amount
        held.returned -= from_held
        self.outside += amount
        self.earn(held.payee, amount - from_held)

    def dispute(self, number: int) -> None:
        held = self.escrows[number]
        held.disputed, held.is_open = held.can_go_back, True
        self.outside -= held.disputed
        self.disputes -= held.disputed

    def decide(self, number: int, *, won: bool) -> None:
        held = self.escrows[number]
        held.is_open = False
        self.disputes += held.disputed
        if won:
            self.outside += held.disputed
        else:
            self.take(number, held.disputed)

    def take(self, number: int, amount: int) -> int:
        held = self.escrows[number]
        from_held = min(held.left, amount)
        held.returned += from_held
        taken = min(self.has[held.payee], amount - from_held)
        self.has[held.payee] -= taken
        self.owes[held.payee] += amount - from_held - taken
        return from_held

    def earn(self, who: int, amount: int) -> None:
        repaid = min(self.owes[who], amount)
        self.owes[who] -= repaid
        self.has[who] += amount - repaid

    def ask_payout(self, who: int, amount: int) -> None:
        if amount < LEAST_PAYOUT:
            raise Refused(400)
        if self.owes[who] or self.has[who] < amount:
            raise Refused
        self.has[who] -= amount
        self.in_transit += amount

    def end_payout(self, who: int, amount: int, *, arrived: bool) -> None:
        self.in_transit -= amount
        if arrived:
            self.outside -= amount
        else:
            self.earn(who, amount)
