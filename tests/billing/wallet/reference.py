"""What the books must say, in the plainest words: the model that R13 holds the product to.

It knows no code of the product's. What the provider tells takes effect here once, whatever order
the news comes in, as each of them says what it is about.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

LEAST_PAYOUT = {"usd": 100, "kwd": 1_000}
STAFF = -1
# How a payout goes on, and what its end means for its money.
GOES_ON = {
    "pending": {"in_transit", "paid", "failed", "canceled"},
    "in_transit": {"paid", "failed", "canceled"},
    "paid": {"failed"},
}
Account = tuple[str, int | str, str]


class Refused(Exception):
    """What the product must refuse, with this status and word."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def fee_of(amount: int, bps: int) -> int:
    """To the nearest unit; the half goes to the platform."""
    whole, rest = divmod(amount * bps, 10_000)
    return whole + (2 * rest >= 10_000)


@dataclass
class Held:
    payer: int
    payee: int
    amount: int
    currency: str
    bps: int
    status: str = "pending"
    released: int = 0
    returned: int = 0
    # What banks ask for, and have not decided about.
    disputes: set[str] = field(default_factory=set)
    # By whom and with which key a release was asked for, and how much it was.
    keys: dict[tuple[int, str], int] = field(default_factory=dict)

    @property
    def is_paid(self) -> bool:
        return self.status in ("held", "released")

    @property
    def left(self) -> int:
        return self.amount - self.released - self.returned if self.is_paid else 0

    @property
    def awaited(self) -> int:
        """What the payee gets of what is left."""
        fee = fee_of(self.released + self.left, self.bps) - fee_of(self.released, self.bps)
        return self.left - fee


@dataclass
class Payout:
    who: int
    amount: int
    currency: str
    status: str = "pending"


@dataclass
class Books:
    has: Counter[tuple[int, str]] = field(default_factory=Counter)
    owes: Counter[tuple[int, str]] = field(default_factory=Counter)
    # Each wallet's movements: how much, and what was in it then.
    moves: defaultdict[tuple[int, str], list[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    escrows: dict[str, Held] = field(default_factory=dict)
    payouts: dict[str, Payout] = field(default_factory=dict)
    payout_keys: dict[tuple[int, str], str] = field(default_factory=dict)
    # By currency.
    fees: Counter[str] = field(default_factory=Counter)
    disputed: Counter[str] = field(default_factory=Counter)
    in_transit: Counter[str] = field(default_factory=Counter)
    # What came in, less what went back out.
    outside: Counter[str] = field(default_factory=Counter)
    # What was told of refunds and disputes; of a refund also how much of it was held.
    refunds: dict[str, int] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)

    # --- escrow -----------------------------------------------------------------------------------
    def agree(self, name: str, held: Held) -> None:
        if held.payer == held.payee:
            raise Refused(400, "pays_oneself")
        self.escrows[name] = held

    def hear_paid(self, name: str) -> None:
        held = self.escrows[name]
        if not held.is_paid:
            held.status = "held"
            self.outside[held.currency] += held.amount

    def hear_not_paid(self, name: str, status: str) -> None:
        """Another card may follow one that was declined, but nothing follows giving up, except
        what was paid at that very moment."""
        held = self.escrows[name]
        if held.status == "pending" or (held.status, status) == ("failed", "canceled"):
            held.status = status

    def release(self, name: str, part: int | None, by: int, key: str = "") -> None:
        held = self.escrows[name]
        if part is not None and part < 1:
            raise Refused(400, "min_value")
        if by == held.payee:
            raise Refused(403, "payer_releases")
        if by not in (held.payer, STAFF):
            raise Refused(404, "not_found")
        if key and (by, key) in held.keys:
            if part not in (None, held.keys[by, key]):
                raise Refused(422, "idempotency_key_reused")
            return
        amount = self.hand_over(held, part)
        if key:
            held.keys[by, key] = amount

    def hand_over(self, held: Held, part: int | None) -> int:
        amount = held.left if part is None else part
        if held.left == 0:
            raise Refused(409, "not_held")
        if held.disputes:
            raise Refused(409, "disputed")
        if amount > held.left:
            raise Refused(409, "amount_too_large")
        fee = fee_of(held.released + amount, held.bps) - fee_of(held.released, held.bps)
        held.released += amount
        if held.left == 0:
            held.status = "released"
        self.fees[held.currency] += fee
        self.earn(held.payee, held.currency, amount - fee)
        return amount

    def time_is_up(self, name: str) -> None:
        held = self.escrows[name]
        if held.left and not held.disputes:
            self.hand_over(held, None)

    # --- what goes back ---------------------------------------------------------------------------
    def is_new(self, *news: str) -> bool:
        heard = self.told.isdisjoint({(news[0], news[1])})
        self.told.add((news[0], news[1]))
        return heard

    def hear_refund(self, refund: str, name: str, amount: int, *, came_back: bool) -> None:
        held = self.escrows[name]
        if self.is_new(refund, "sent"):
            self.outside[held.currency] -= amount
            self.refunds[refund] = self.take(held, amount)
        if came_back and self.is_new(refund, "came back"):
            held.returned -= self.refunds[refund]
            self.outside[held.currency] += amount
            self.earn(held.payee, held.currency, amount - self.refunds[refund])

    def hear_dispute(self, dispute: str, name: str, amount: int, *, end: str) -> None:
        """Without an end its bank has not decided."""
        held = self.escrows[name]
        if self.is_new(dispute, "opened"):
            held.disputes.add(dispute)
            self.outside[held.currency] -= amount
            self.disputed[held.currency] -= amount
        if not end or not self.is_new(dispute, "ended"):
            return
        held.disputes.remove(dispute)
        self.disputed[held.currency] += amount
        if end == "won":
            self.outside[held.currency] += amount
        else:
            self.take(held, amount)

    def take(self, held: Held, amount: int) -> int:
        """From what is held, then from what its payee has; the rest is owed. How much was held."""
        from_held = min(held.left, amount)
        held.returned += from_held
        purse = (held.payee, held.currency)
        taken = min(self.has[purse], amount - from_held)
        self.owes[purse] += amount - from_held - taken
        self.move(purse, -taken)
        return from_held

    # --- wallets ----------------------------------------------------------------------------------
    def earn(self, who: int, currency: str, amount: int) -> None:
        purse = (who, currency)
        repaid = min(self.owes[purse], amount)
        self.owes[purse] -= repaid
        self.move(purse, amount - repaid)

    def move(self, purse: tuple[int, str], amount: int) -> None:
        if amount:
            self.has[purse] += amount
            self.moves[purse].append((amount, self.has[purse]))

    def ask_payout(self, name: str, wish: Payout, key: str = "") -> str:
        """The same key and wish are the same payout."""
        purse = (wish.who, wish.currency)
        if wish.amount < 1:
            raise Refused(400, "min_value")
        if wish.amount < LEAST_PAYOUT[wish.currency]:
            raise Refused(400, "payout_too_small")
        if key and (wish.who, key) in self.payout_keys:
            known = self.payouts[self.payout_keys[wish.who, key]]
            if (known.amount, known.currency) != (wish.amount, wish.currency):
                raise Refused(422, "idempotency_key_reused")
            return self.payout_keys[wish.who, key]
        if self.owes[purse] or self.has[purse] < wish.amount:
            raise Refused(409, "insufficient_funds")
        self.payouts[name] = wish
        if key:
            self.payout_keys[wish.who, key] = name
        self.in_transit[wish.currency] += wish.amount
        self.move(purse, -wish.amount)
        return name

    def cancel_payout(self, name: str, by: int) -> None:
        payout = self.payouts[name]
        if by != payout.who:
            raise Refused(404, "not_found")
        if payout.status != "pending":
            raise Refused(409, "payout_on_its_way")
        self.hear_payout(name, "canceled")

    def hear_payout(self, name: str, status: str) -> None:
        payout = self.payouts[name]
        if status not in GOES_ON.get(payout.status, ()):
            return
        was_paid, payout.status = payout.status == "paid", status
        if status == "in_transit":
            return
        self.in_transit[payout.currency] -= 0 if was_paid else payout.amount
        if status == "paid":
            self.outside[payout.currency] -= payout.amount
            return
        self.outside[payout.currency] += payout.amount if was_paid else 0
        self.earn(payout.who, payout.currency, payout.amount)

    # --- what all of that comes to ----------------------------------------------------------------
    def accounts(self) -> dict[Account, int]:
        found = dict(self.each_account())
        for currency in LEAST_PAYOUT:
            of_currency = [amount for account, amount in found.items() if account[2] == currency]
            assert sum(of_currency) == 0, f"the reference itself loses {currency}"
        return found

    def each_account(self) -> Iterator[tuple[Account, int]]:
        for currency in LEAST_PAYOUT:
            yield ("stripe:clearing", "", currency), -self.outside[currency]
            yield ("fees:platform", "", currency), self.fees[currency]
            yield ("disputes", "", currency), self.disputed[currency]
            yield ("payouts:in_transit", "", currency), self.in_transit[currency]
        for (who, currency), amount in self.has.items():
            yield ("wallet", who, currency), amount
        for (who, currency), amount in self.owes.items():
            yield ("receivable", who, currency), -amount
        for name, held in self.escrows.items():
            yield ("escrow", name, held.currency), held.left

    def standing(self, who: int, currency: str) -> tuple[int, int, int]:
        """What somebody has, awaits and owes."""
        held = [each for each in self.escrows.values() if each.payee == who]
        awaited = sum(each.awaited for each in held if each.currency == currency)
        return self.has[who, currency], awaited, self.owes[who, currency]
