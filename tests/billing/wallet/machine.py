"""One life of money, beside the reference: what is done at the product's doors, and what must be so
after it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection
from rest_framework.test import APIClient

from billing import escrow_payments
from billing.wallet.models import Escrow
from billing.wallet.payout_models import Payout as PayoutRow
from billing.wallet.payout_models import PayoutAccount
from billing.webhooks import inbox
from tests.billing.conftest import Shop, unfinished
from tests.billing.wallet.bank import Bank, News, name
from tests.billing.wallet.reference import LEAST_PAYOUT, STAFF, Account, Books, Refused
from tests.billing.wallet.test_ledger import at_once

ESCROWS, PAYOUTS, WALLET = "/api/v1/escrow-payments", "/api/v1/payouts", "/api/v1/wallet"
PEOPLE = 3
SHARED = ("stripe:clearing", "fees:platform", "disputes", "payouts:in_transit")
PURSES = tuple(itertools.product(range(PEOPLE), LEAST_PAYOUT))
# The status, and the word for why not.
Outcome = tuple[int, str]


class Differs(AssertionError):
    pass


@dataclass
class Act:
    """Something that is asked of the product, and the same of the reference. `kept` is told what
    the product answered where both agreed, and what the reference calls it."""

    said: str
    send: Callable[[], Any]
    told: Callable[[Books], Any]
    answer: int = 200
    kept: Callable[[Any, Any], None] = lambda body, label: None


class House:
    """What all lives share."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        finance = shop.person(is_staff=True)
        finance.groups.add(Group.objects.get(name="Finance"))
        self.staff = shop.client(finance)

    def client(self, user: Any) -> APIClient:
        """One that loads the middleware anew costs as much as ten requests."""
        client = self.shop.client(user)
        client.handler = self.staff.handler
        return client


class Life:
    def __init__(self, house: House) -> None:
        self.books, self.bank = Books(), Bank()
        self.users = [house.shop.person() for _ in range(PEOPLE)]
        self.clients = {n: house.client(user) for n, user in enumerate(self.users)}
        self.clients[STAFF] = house.staff
        self.banks = [self.bank_of(user) for user in self.users]
        # What the product calls what the reference calls e1 and p1.
        self.ids: dict[str, str] = {}
        self.payout_numbers = itertools.count(1)
        self.told: list[News] = []
        self.unheard: list[News] = []
        self.seen: dict[tuple[int, str], tuple[int, int, int]] = {}
        self.story: list[str] = []
        self.outcomes: Counter[int] = Counter()
        self.before = self.balances(list(SHARED))

    def bank_of(self, user: Any) -> str:
        """Of an account that is not ready: payouts wait for it, so that only the bank's news, which
        these lives tell, takes them further."""
        account = name("acct")
        PayoutAccount.objects.create(user=user, provider="stripe", provider_id=account)
        return account

    # --- doing something, and what must come of it ------------------------------------------------
    def hear(self, news: News) -> Act:
        self.told.append(news)
        return Act(news.said, news.deliver, news.effect)

    def do(self, *acts: Act) -> bool:
        """True, as for a step that did something. What is done at the same moment ends as it would
        have ended one after the other, in one of the orders."""
        self.story.append(", at once ".join(act.said for act in acts))
        answers = together([act.send for act in acts])
        if len(acts) > 1:
            inbox.drain()
        came = [outcome_of(answer, act) for answer, act in zip(answers, acts, strict=True)]
        self.story[-1] += f" → {came}"
        self.outcomes.update(status for status, _ in came)
        self.books, labels = self.explained(acts, came)
        for act, answer, (status, _), label in zip(acts, answers, came, labels, strict=True):
            if status < 400:
                act.kept(answer.json() if answer is not None else None, label)
        return True

    def explained(self, acts: tuple[Act, ...], came: list[Outcome]) -> tuple[Books, list[Any]]:
        could_be = list(self.orders(acts))
        fitting = [(books, labels) for books, outcomes, labels in could_be if outcomes == came]
        if not fitting:
            raise Differs(f"answered {came}, not {[outcomes for _, outcomes, _ in could_be]}")
        # Answered alike, two orders may differ in what they leave, or only in what was first.
        if len(fitting) > 1 and self.left_by(fitting[0][0]) != self.left_now():
            return fitting[1]
        return fitting[0]

    def left_by(self, books: Books) -> Any:
        return self.expected(books), {each: books.moves[each][-100:] for each in PURSES}

    def left_now(self) -> Any:
        return self.moved(), {each: self.lines(*each) for each in PURSES}

    def orders(self, acts: tuple[Act, ...]) -> Iterator[tuple[Books, list[Outcome], list[Any]]]:
        for order in itertools.permutations(range(len(acts))):
            books = deepcopy(self.books) if len(acts) > 1 else self.books
            found = {number: judged(acts[number], books) for number in order}
            came = [found[number] for number in range(len(acts))]
            yield books, [outcome for outcome, _ in came], [label for _, label in came]

    # --- what must be so after every step ---------------------------------------------------------
    def check(self) -> None:
        same("accounts", self.moved(), self.expected(self.books))
        same("escrows", self.escrows_now(), self.escrows_expected())
        same("payouts", self.payouts_now(), {k: p.status for k, p in self.books.payouts.items()})
        for who in range(PEOPLE):
            if any(self.standing(who, each) != self.seen.get((who, each)) for each in LEAST_PAYOUT):
                self.look(who)

    def expected(self, books: Books) -> dict[tuple[str, str], int]:
        every = books.accounts().items()
        return {(self.named(account), account[2]): amount for account, amount in every if amount}

    def named(self, account: Account) -> str:
        kind, whose, _ = account
        if whose == "":
            return kind
        return f"{kind}:{self.users[whose].pk if isinstance(whose, int) else self.ids[whose]}"

    def moved(self) -> dict[tuple[str, str], int]:
        """What this life did to the shared accounts, and what is in those of its own."""
        names = [f"{kind}:{user.pk}" for user in self.users for kind in ("wallet", "receivable")]
        names += [f"escrow:{self.ids[each]}" for each in self.books.escrows]
        now = self.balances([*SHARED, *names])
        now.subtract(self.before)
        return {each: amount for each, amount in now.items() if amount}

    def balances(self, names: list[str]) -> Counter[tuple[str, str]]:
        """By the published view."""
        with connection.cursor() as cursor:
            query = "SELECT account, currency, balance FROM audit_account WHERE account = ANY(%s)"
            cursor.execute(query, [names])
            return Counter({(account, currency): n for account, currency, n in cursor.fetchall()})

    def escrows_now(self) -> dict[str, tuple[str, int, int, bool]]:
        ids = [self.ids[each] for each in self.books.escrows]
        rows = escrow_payments.with_payment(Escrow.objects.filter(pk__in=ids))
        found = {
            str(row.pk): (
                escrow_payments.status_of(row),
                row.released,
                row.returned,
                row.frozen_at is not None,
            )
            for row in rows
        }
        return {each: found[self.ids[each]] for each in self.books.escrows}

    def escrows_expected(self) -> dict[str, tuple[str, int, int, bool]]:
        return {
            each: (held.status, held.released, held.returned, bool(held.disputes))
            for each, held in self.books.escrows.items()
        }

    def payouts_now(self) -> dict[str, str]:
        rows = dict(PayoutRow.objects.filter(user__in=self.users).values_list("pk", "status"))
        found = {str(key): status for key, status in rows.items()}
        labels = {self.ids[each]: each for each in self.books.payouts}
        return {labels.get(key, key): status for key, status in found.items()}

    # --- what people see --------------------------------------------------------------------------
    def standing(self, who: int, currency: str) -> tuple[int, int, int]:
        return self.books.standing(who, currency)

    def look(self, who: int) -> None:
        """At their wallet; the accounts are looked at after each step, so only those for whom
        something changed do."""
        balances = self.clients[who].get(WALLET).json()["balances"]
        shown = {each["currency"]: each for each in balances}
        for currency in LEAST_PAYOUT:
            page = shown.get(currency, {})
            figures = [page.get(f, 0) for f in ("available_balance", "pending_balance", "owed")]
            same(f"wallet of {who}", tuple(figures), self.standing(who, currency))
            moves = self.books.moves[who, currency]
            last = page.get("last_transaction")
            same("last move", (last["amount"], last["balance"]) if last else None, last_of(moves))
            self.seen[who, currency] = self.standing(who, currency)

    def end(self) -> None:
        """Everybody looks at everything."""
        for who in range(PEOPLE):
            self.look(who)
            for currency in LEAST_PAYOUT:
                moves = self.books.moves[who, currency][-100:]
                same(f"moves of {who}", self.lines(who, currency), moves)
            self.look_at_lists(who)
        same("events that did not end well", unfinished(), [])

    def lines(self, who: int, currency: str) -> list[tuple[int, int]]:
        """A wallet's newest movements, the earlier first."""
        rows = self.listed(who, f"{WALLET}/transactions?currency={currency}&page_size=100")
        return [(row["amount"], row["balance"]) for row in rows[::-1]]

    def look_at_lists(self, who: int) -> None:
        labels = {self.ids[each]: each for each in self.ids}
        mine = {k: p for k, p in self.books.payouts.items() if p.who == who}
        rows = self.listed(who, f"{PAYOUTS}?page_size=100")
        shown = {labels[r["id"]]: (r["status"], r["amount"], r["currency"]) for r in rows}
        same("payouts", shown, {k: (p.status, p.amount, p.currency) for k, p in mine.items()})
        rows = self.listed(who, f"{ESCROWS}?page_size=100")
        seen = {labels[row["id"]]: (row["status"], row["left"]) for row in rows}
        ours = {k: h for k, h in self.books.escrows.items() if who in (h.payer, h.payee)}
        same("escrows", seen, {k: (held.status, held.left) for k, held in ours.items()})

    def listed(self, who: int, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.clients[who].get(path).json()["results"]
        return rows


def together(sends: list[Callable[[], Any]]) -> list[Any]:
    if len(sends) == 1:
        return [sends[0]()]
    came: Any = at_once(*[lambda n=n, send=send: (n, send()) for n, send in enumerate(sends)])
    failed = [each for each in came if isinstance(each, Exception)]
    if failed:
        raise failed[0]
    return [answer for _, answer in sorted(came, key=lambda each: int(each[0]))]


def outcome_of(answer: Any, act: Act) -> Outcome:
    """Of an event, that it was taken; of a request, its status and the word for a refusal."""
    if answer is None:
        return 200, ""
    code = "" if answer.status_code < 400 else answer.json()["errors"][0]["code"]
    return answer.status_code, code


def judged(act: Act, books: Books) -> tuple[Outcome, Any]:
    try:
        label = act.told(books)
    except Refused as refused:
        return (refused.status, refused.code), None
    return (act.answer, ""), label


def last_of(moves: list[tuple[int, int]]) -> tuple[int, int] | None:
    return moves[-1] if moves else None


def same(what: str, now: Any, expected: Any) -> None:
    if now == expected:
        return
    if isinstance(now, dict) and isinstance(expected, dict):
        keys = {key for key in now | expected if now.get(key) != expected.get(key)}
        now, expected = ({key: each.get(key) for key in keys} for each in (now, expected))
    raise Differs(f"{what}: {now}, not {expected}")
