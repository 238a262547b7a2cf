"""Random lives of money, through the doors of people and of the provider, beside the reference."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from billing import bookkeeping
from billing.models import Payment
from billing.wallet import ledger
from billing.wallet.payout_models import PayoutAccount
from billing.webhooks import inbox
from tests.billing.conftest import Shop
from tests.billing.wallet.reference import Books, Held, Refused
from tests.stripe_events import deliver, event, payment_intent

ESCROWS, PAYOUTS, WALLET = "/api/v1/escrow-payments", "/api/v1/payouts", "/api/v1/wallet"
PEOPLE = 3
amounts = st.integers(50, 3_000)
people = st.integers(0, PEOPLE - 1)
picks = st.integers(0, 10**6)
numbers = itertools.count()
# How a payout can end: what the bank says, one thing after the other; or its owner calls it back.
ENDS = ("paid", "failed", "paid, failed", "failed, paid", "canceled")
Event = dict[str, Any]


def name(kind: str) -> str:
    return f"{kind}_{time.time_ns()}{next(numbers)}"


def answered(status: int, act: Callable[[], None]) -> int:
    """What the product must answer: this, or the reference's refusal."""
    try:
        act()
    except Refused as refused:
        return refused.status
    return status


def chosen(pick: int, among: list[int]) -> int:
    return among[pick % len(among)]


def part_of(whole: int, share: int | None) -> int:
    """All of it without a share."""
    return whole if share is None or not whole else 1 + share % whole


class MoneyMachine(RuleBasedStateMachine):
    shop: ClassVar[Shop]
    # The steps of each that came to its end.
    lives: ClassVar[list[int]]

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.users = [self.shop.person() for _ in range(PEOPLE)]
        self.clients = [self.shop.client(user) for user in self.users]
        # One loads all of the middleware, which costs as much as ten requests.
        for client in self.clients:
            client.handler = self.clients[0].handler
        self.accounts = [self.bank_of(number) for number in range(PEOPLE)]
        self.ids: list[str] = []
        self.told: list[Event] = []
        self.refunds: list[tuple[int, Event, int]] = []
        self.disputes: list[tuple[int, Event]] = []
        self.payouts: list[tuple[str, int, int]] = []
        self.seen: dict[int, tuple[int, int]] = {}
        self.before = self.balances()
        self.steps = -1

    def bank_of(self, who: int) -> str:
        """Of an account that is not ready: payouts wait for it, so that only the bank's news, which
        this machine tells, takes them further."""
        account = name("acct")
        PayoutAccount.objects.create(
            user=self.users[who], provider="stripe", provider_id=account, currency="usd"
        )
        return account

    @initialize()
    def begin(self) -> None:
        """With something in escrow and in wallets, so that few steps are spent on refusals."""
        for payer in range(PEOPLE):
            self.agree(payer, 1, 2_000, at_once=True)
        self.ask_release(0, None)
        self.ask_release(1, None)

    # --- what people do ---------------------------------------------------------------------------
    @rule(payer=people, step=st.integers(1, PEOPLE - 1), amount=amounts, at_once=st.booleans())
    def agree(self, payer: int, step: int, amount: int, at_once: bool) -> None:
        payee = (payer + step) % PEOPLE
        wish = {"payee": self.users[payee].email, "amount": amount, "currency": "usd"}
        answer = self.clients[payer].post(ESCROWS, wish)
        assert answer.status_code == 201, answer.json()
        self.ids.append(answer.json()["id"])
        self.books.escrows.append(Held(payer, payee, amount))
        if at_once:
            self.tell_paid(len(self.ids) - 1)

    @precondition(lambda self: any(held.left for held in self.books.escrows))
    @rule(pick=picks, share=st.none() | picks)
    def release(self, pick: int, share: int | None) -> None:
        number = chosen(pick, [n for n, held in enumerate(self.books.escrows) if held.left])
        left = self.books.escrows[number].left
        self.ask_release(number, None if share is None else part_of(left, share))

    @rule(pick=picks)
    def release_what_is_not_theirs_or_not_there(self, pick: int) -> None:
        number = pick % len(self.ids)
        held = self.books.escrows[number]
        path = f"{ESCROWS}/{self.ids[number]}/release"
        assert self.clients[held.payee].post(path, {}).status_code == 403
        self.ask_release(number, held.left + 1)

    def ask_release(self, number: int, part: int | None) -> None:
        held = self.books.escrows[number]
        wish = {"amount": part} if part else {}
        path = f"{ESCROWS}/{self.ids[number]}/release"
        answer = self.clients[held.payer].post(path, wish)
        status = answered(200, lambda: self.books.release(number, part))
        assert answer.status_code == status, answer.json()
        if status == 200:
            assert answer.json()["left"] == held.left

    @rule(pick=picks, share=st.none() | picks, twice=st.booleans())
    def take_out(self, pick: int, share: int | None, twice: bool) -> None:
        who = chosen(pick, [n for n in range(PEOPLE) if self.books.has[n]] or [0])
        self.ask_payout(who, part_of(self.books.has[who], share) or 1, twice=twice)

    @rule(who=people)
    def take_out_too_much(self, who: int) -> None:
        self.ask_payout(who, max(100, self.books.has[who] + 1), twice=False)

    def ask_payout(self, who: int, amount: int, *, twice: bool) -> None:
        """Twice with the same key is once."""
        wish, key = {"amount": amount, "currency": "usd"}, {"Idempotency-Key": str(uuid.uuid4())}
        answers = [self.clients[who].post(PAYOUTS, wish, headers=key) for _ in range(1 + twice)]
        status = answered(201, lambda: self.books.ask_payout(who, amount))
        assert {each.status_code for each in answers} == {status}, answers[0].json()
        if status == 201:
            (payout_id,) = {each.json()["id"] for each in answers}
            self.payouts.append((payout_id, who, amount))

    @rule()
    def fold(self) -> None:
        ledger.fold()

    # --- what the provider tells ------------------------------------------------------------------
    @precondition(lambda self: any(not held.paid for held in self.books.escrows))
    @rule(pick=picks)
    def pay(self, pick: int) -> None:
        self.tell_paid(chosen(pick, [n for n, h in enumerate(self.books.escrows) if not h.paid]))

    def tell_paid(self, number: int) -> None:
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

    @precondition(lambda self: any(self.backable()))
    @rule(pick=picks, share=st.none() | picks, twice=st.booleans())
    def refund(self, pick: int, share: int | None, twice: bool) -> None:
        number, intent = self.one_of(pick)
        amount = part_of(self.books.escrows[number].can_go_back, share)
        refund = {
            **{"id": name("re"), "object": "refund", "amount": amount, "currency": "usd"},
            **{"payment_intent": intent, "status": "succeeded", "balance_transaction": name("txn")},
        }
        for _ in range(1 + twice):
            self.hear(event("refund.created", refund))
        self.refunds.append((number, refund, self.books.refund(number, amount)))

    @precondition(lambda self: self.refunds)
    @rule(pick=picks)
    def bounce(self, pick: int) -> None:
        number, refund, from_held = self.refunds.pop(pick % len(self.refunds))
        self.hear(event("refund.failed", {**refund, "status": "failed"}))
        self.books.bounce(number, refund["amount"], from_held)

    @precondition(lambda self: any(self.backable()))
    @rule(pick=picks)
    def dispute(self, pick: int) -> None:
        number, intent = self.one_of(pick)
        amount = self.books.escrows[number].can_go_back
        dispute = {
            **{"id": name("du"), "object": "dispute", "amount": amount, "currency": "usd"},
            **{"payment_intent": intent, "status": "needs_response"},
            "balance_transactions": [{"amount": -amount}],
        }
        self.hear(event("charge.dispute.created", dispute))
        self.disputes.append((number, dispute))
        self.books.dispute(number)

    @precondition(lambda self: self.disputes)
    @rule(pick=picks, won=st.booleans())
    def decide(self, pick: int, won: bool) -> None:
        number, dispute = self.disputes.pop(pick % len(self.disputes))
        moved = [*dispute["balance_transactions"], *([{"amount": dispute["amount"]}] * won)]
        ended = {"status": "won" if won else "lost", "balance_transactions": moved}
        self.hear(event("charge.dispute.closed", {**dispute, **ended}))
        self.books.decide(number, won=won)

    @precondition(lambda self: self.payouts)
    @rule(pick=picks, story=st.sampled_from(ENDS))
    def end_payout(self, pick: int, story: str) -> None:
        payout_id, who, amount = self.payouts.pop(pick % len(self.payouts))
        if story == "canceled":
            answer = self.clients[who].post(f"{PAYOUTS}/{payout_id}/cancel")
            assert answer.status_code == 200, answer.json()
        else:
            self.bank_says(payout_id, who, amount, story)
        self.books.end_payout(who, amount, arrived=story == "paid")

    def bank_says(self, payout_id: str, who: int, amount: int, story: str) -> None:
        payout = {
            **{"id": name("po"), "object": "payout", "amount": amount, "currency": "usd"},
            **{"arrival_date": 1_800_000_000, "metadata": {"payout_id": payout_id}},
            **{"failure_code": None, "failure_message": None},
        }
        for word in story.split(", "):
            told = event(f"payout.{word}", {**payout, "status": word}, account=self.accounts[who])
            self.hear(told)

    @precondition(lambda self: self.told)
    @rule(pick=picks, anew=st.booleans())
    def say_it_again(self, pick: int, anew: bool) -> None:
        """The same event, or another that says the same."""
        known = self.told[pick % len(self.told)]
        self.hear(known | {"id": name("evt")} if anew else known)

    def hear(self, happened: Event) -> None:
        self.told.append(happened)
        assert deliver(happened).status_code == 200
        inbox.drain()

    def backable(self) -> Iterator[int]:
        return (number for number, held in enumerate(self.books.escrows) if held.can_go_back)

    def one_of(self, pick: int) -> tuple[int, str]:
        """Which escrow, and its payment as the provider calls it."""
        number = chosen(pick, list(self.backable()))
        return number, Payment.objects.get(pk=self.ids[number]).provider_id

    # --- what must be so after every step ---------------------------------------------------------
    @invariant()
    def every_account_is_right(self) -> None:
        self.steps += 1
        now = self.balances()
        moved = {each: now[each] - self.before.get(each, 0) for each in now}
        expected = {
            "stripe:clearing": -self.books.outside,
            "fees:platform": self.books.fees,
            "disputes": self.books.disputes,
            "payouts:in_transit": self.books.in_transit,
        }
        for who, user in enumerate(self.users):
            expected[f"wallet:{user.pk}"] = self.books.has[who]
            expected[f"receivable:{user.pk}"] = -self.books.owes[who]
        for each, held in zip(self.ids, self.books.escrows, strict=True):
            expected[f"escrow:{each}"] = held.left
        assert {each: moved.get(each, 0) for each in expected} == expected

    @invariant()
    def who_gained_or_lost_sees_it(self) -> None:
        """The accounts are looked at after each step, so only these ask for their page."""
        for who in range(PEOPLE):
            figures = (self.books.has[who], self.books.owes[who])
            if self.seen.get(who, (0, 0)) != figures:
                assert self.shown(who) == figures
                self.seen[who] = figures

    def balances(self) -> dict[str, int]:
        """By the published view: the shared accounts, and those of this life."""
        names = ["stripe:clearing", "fees:platform", "disputes", "payouts:in_transit"]
        names += [f"{kind}:{user.pk}" for user in self.users for kind in ("wallet", "receivable")]
        names += [f"escrow:{each}" for each in self.ids]
        with connection.cursor() as cursor:
            query = "SELECT account, balance FROM audit_account WHERE account = ANY(%s)"
            cursor.execute(query, [names])
            return dict(cursor.fetchall())

    def shown(self, who: int) -> tuple[int, int]:
        balances = self.clients[who].get(WALLET).json()["balances"]
        if not balances:
            return 0, 0
        return balances[0]["available_balance"], balances[0]["owed"]

    def teardown(self) -> None:
        for who in range(PEOPLE):
            assert self.shown(who) == (self.books.has[who], self.books.owes[who])
        for number, held in enumerate(self.books.escrows):
            shown = self.clients[held.payee].get(f"{ESCROWS}/{self.ids[number]}").json()
            assert (shown["status"], shown["left"]) == (held.status, held.left)
        proof = bookkeeping.verify()
        assert proof["ok"], proof
        self.lives.append(self.steps)
