"""R12, R13, R14, R16 and M14: the books under many hands, and beside a reference."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing import bookkeeping
from billing.wallet import ledger
from config.kit.money import Money, split
from tests.billing.conftest import Shop, shop  # noqa: F401
from tests.billing.wallet.lives import live
from tests.billing.wallet.test_ledger import REFUSED, at_once, books, sql, write_by_hand
from tests.scorecard.conftest import Score

pytestmark = [pytest.mark.scorecard, pytest.mark.timeout(1_800)]


@pytest.mark.timeout(900)
def test_r13_two_hundred_and_fifty_lives_of_forty_steps_never_differ_from_the_reference(
    shop: Shop,  # noqa: F811
    score: Score,
):
    first = random.SystemRandom().randrange(10**9)
    score.told("seed", first)
    lived = live(shop, lives=250, steps=40, first=first)
    score.told("steps in them", lived.steps.total())
    score.told("of what was asked of the product: refused", lived.refusals)
    score.holds("lives of 40 steps", lived.whole, exactly=250)


def test_r16_opposite_transfers_on_shuffled_accounts_never_deadlock_or_drift(
    transactional_db: None, score: Score
):
    people = [f"wallet:{number}" for number in range(8)]
    for name in people:
        with transaction.atomic():
            ledger.move(
                Money(10_000, "usd"), reference=f"{name}:first", source="stripe:clearing", to=name
            )

    def writer(number: int) -> int:
        draw = random.Random(number)  # noqa: S311
        for turn in range(500):
            source, to = draw.sample(people, 2)
            with transaction.atomic():
                name = f"swap:{number}:{turn}"
                ledger.move(Money(1, "usd"), reference=name, source=source, to=to)
        return 500

    began = time.monotonic()
    came = at_once(*[lambda each=each: writer(each) for each in range(4)])
    spent = time.monotonic() - began
    left = sum(ledger.balance(name, "usd").amount for name in people)
    score.holds("writers that were never refused", came.count(500), exactly=4)
    score.holds("what the wallets have together", left, exactly=80_000)
    score.holds("the books are right", bookkeeping.verify()["ok"], exactly=True)
    score.holds("ms for a transfer (200 a second)", 1000 * spent / 2_000, at_most=5.0)


def test_r12_ten_thousand_entries_are_proved_within_five_seconds(
    transactional_db: None, score: Score
):
    with transaction.atomic():
        for number in range(5_000):
            ledger.move(
                Money(1 + number % 97, "usd"),
                reference=f"many:{number}",
                source="stripe:clearing",
                to=f"wallet:{number % 50}",
            )
    began = time.monotonic()
    found = bookkeeping.verify()
    score.holds("entries", found["entries"], exactly=10_000)
    score.holds("the books are right", found["ok"], exactly=True)
    score.holds("proved in seconds", time.monotonic() - began, at_most=5.0)


FORBIDDEN = (
    "an entry changed",
    "an entry removed",
    "the entries emptied away",
    "a balance set",
    "one entry more",
    "an entry without a transfer",
)


def test_r14_the_database_itself_refuses_to_change_the_books(transactional_db: None, score: Score):
    for wallet, currency in (("wallet:1", "usd"), ("wallet:2", "eur")):
        purse = Money(100, currency)
        with transaction.atomic():
            ledger.move(purse, reference=wallet, source="stripe:clearing", to=wallet)
    before = books()
    by_hand = [is_refused(sql, REFUSED[what]) for what in FORBIDDEN]
    odd = [{("wallet:1", "usd"): 5, ("wallet:2", "eur"): -5}, {("wallet:1", "usd"): 5}]
    odd += [{("wallet:1", "usd"): 5, ("stripe:clearing", "usd"): -4}]
    unbalanced = [is_refused(write_by_hand, each) for each in odd]
    score.holds("statements refused", sum(by_hand), exactly=len(FORBIDDEN))
    score.holds("mixed and unbalanced transfers refused", sum(unbalanced), exactly=3)
    score.holds("the books are as they were", books() == before, exactly=True)


def is_refused(act: Callable[..., None], *terms: Any) -> bool:
    try:
        act(*terms)
    except IntegrityError:
        return True
    return False


def test_m14_a_hundred_thousand_random_splits_lose_nothing():
    draw = random.Random(14)  # noqa: S311
    for _ in range(100_000):
        amount = draw.randrange(10 ** draw.randrange(1, 13))
        weights = [draw.randrange(10_001) for _ in range(draw.randrange(1, 7))]
        if not any(weights):
            continue
        parts = split(amount, weights)
        assert sum(parts) == amount
        assert all(
            abs(part * sum(weights) - amount * weight) < sum(weights)
            for part, weight in zip(parts, weights, strict=True)
        )
