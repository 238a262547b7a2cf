"""Random lives of money, through the doors, beside the reference."""

from __future__ import annotations

import itertools
import time
import uuid
from typing import Any, ClassVar

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from billing import bookkeeping
from billing.models import Payment
from billing.wallet import escrow, funds
from billing.webhooks import inbox
from config.kit.money import Money
from tests.billing.conftest import Shop
from tests.billing.wallet.reference import Books, Held, Refused
from tests.stripe_events import deliver, event, payment_intent

URL = "/api/v1/escrow-payments"
PEOPLE = 3
amounts = st.integers(50, 3_000)
people = st.integers(0, PEOPLE - 1)
picks = st.integers(0, 10**6)
numbers = itertools.count()


def balances() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, balance FROM audit_account")
        return dict(cursor.fetchall())


class MoneyMachine(RuleBasedStateMachine):
    shop: ClassVar[Shop]

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.users = [self.shop.person() for _ in range(PEOPLE)]
        self.clients = [self.shop.client(user) for user in self.users]
        self.ids: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.payouts: list[tuple[uuid.UUID, int, int]] = []
        self.before = balances()

    # --- through HTTP -----------------------------------------------------------------------------
    @rule(payer=people, step=st.integers(1, PEOPLE - 1), amount=amounts)
    def agree(self, payer: int, step: int, amount: int) -> None:
        payee = (payer + step) % PEOPLE
        wish = {"payee": self.users[payee].email, "amount": amount, "currency": "usd"}
        answer = self.clients[payer].post(URL, wish)
        assert answer.status_code == 201, answer.json()
        self.ids.append(answer.json()["id"])
        self.books.escrows.append(Held(payer, payee, amount))

    @precondition(lambda self: self.ids)
    @rule(pick=picks)
    def pay(self, pick: int) -> None:
        number = pick % len(self.ids)
        payment = Payment.objects.get(pk=self.ids[number])
        intent = payment_intent(
            id=payment.provider_id,
            amount=payment.amount,
            amount_received=payment.amount,
            customer=payment.user.customers.get().provider_id,
            metadata={"escrow_id": self.ids[number]},
        )
        self.hear(event("payment_intent.succeeded", intent))
        self.books.pay(number)

    def hear(self, happened: dict[str, Any]) -> None:
        self.told.append(happened)
        assert deliver(happened).status_code == 200
        inbox.drain()

    @precondition(lambda self: self.told)
    @rule(pick=picks, anew=st.booleans())
    def say_it_again(self, pick: int, anew: bool) -> None:
        """The same event, or another that says the same."""
        known = self.told[pick % len(self.told)]
        self.hear(known | {"id": f"evt_{time.time_ns()}{next(numbers)}"} if anew else known)

    @precondition(lambda self: self.ids)
    @rule(pick=picks, part=st.none() | st.integers(1, 3_000), by_payee=st.booleans())
    def release(self, pick: int, part: int | None, by_payee: bool) -> None:
        number = pick % len(self.ids)
        held = self.books.escrows[number]
        path, body = f"{URL}/{self.ids[number]}/release", {} if part is None else {"amount": part}
        if by_payee:
            assert self.clients[held.payee].post(path, body).status_code == 403
        answer = self.clients[held.payer].post(path, body)
        try:
            self.books.release(number, part)
        except Refused:
            assert answer.status_code == 409, answer.json()
        else:
            assert answer.status_code == 200, answer.json()
            assert answer.json()["left"] == held.left

    # --- what other apps tell the wallet's room ---------------------------------------------------
    @precondition(lambda self: any(held.paid for held in self.books.escrows))
    @rule(pick=picks, amount=amounts, twice=st.booleans())
    def give_back(self, pick: int, amount: int, twice: bool) -> None:
        paid = [number for number, held in enumerate(self.books.escrows) if held.paid]
        number = paid[pick % len(paid)]
        reference = f"refund:{uuid.uuid4()}"
        for _ in range(1 + twice):
            with transaction.atomic():
                escrow.returned(
                    uuid.UUID(self.ids[number]),
                    Money(amount, "usd"),
                    reference=reference,
                    reserved=False,
                )
        self.books.give_back(number, amount)

    @rule(who=people, amount=amounts)
    def reserve(self, who: int, amount: int) -> None:
        payout = uuid.uuid4()
        try:
            self.books.reserve(who, amount)
            allowed = True
        except Refused:
            allowed = False
        try:
            with transaction.atomic():
                funds.reserve(payout, self.users[who].pk, Money(amount, "usd"))
        except funds.InsufficientFunds:
            assert not allowed
        else:
            assert allowed
            self.payouts.append((payout, who, amount))

    @precondition(lambda self: self.payouts)
    @rule(pick=picks, story=st.sampled_from(["paid", "failed", "paid, failed", "failed, paid"]))
    def end_payout(self, pick: int, story: str) -> None:
        payout, who, amount = self.payouts.pop(pick % len(self.payouts))
        for word in story.split(", "):
            end = funds.payout_paid if word == "paid" else funds.payout_returned
            for _ in range(2):
                with transaction.atomic():
                    end(payout, self.users[who].pk, "stripe", Money(amount, "usd"))
        self.books.in_transit -= amount
        if "failed" in story:
            self.books.earn(who, amount)
        else:
            self.books.outside -= amount

    # --- what must be so after every step ---------------------------------------------------------
    @invariant()
    def every_wallet_is_right(self) -> None:
        for who, client in enumerate(self.clients):
            shown = client.get("/api/v1/wallet").json()["balances"]
            has, owes = (shown[0]["available_balance"], shown[0]["owed"]) if shown else (0, 0)
            assert (has, owes) == (self.books.has[who], self.books.owes[who])

    @invariant()
    def every_shared_account_is_right(self) -> None:
        now = balances()
        moved = {name: now.get(name, 0) - self.before.get(name, 0) for name in now}
        assert moved.get("stripe:clearing", 0) == -self.books.outside
        assert moved.get("fees:platform", 0) == self.books.fees
        assert moved.get("payouts:in_transit", 0) == self.books.in_transit

    def teardown(self) -> None:
        for number, held in enumerate(self.books.escrows):
            shown = self.clients[held.payee].get(f"{URL}/{self.ids[number]}").json()
            assert (shown["status"], shown["left"]) == (held.status, held.left)
        proof = bookkeeping.verify()
        assert proof["ok"], proof
