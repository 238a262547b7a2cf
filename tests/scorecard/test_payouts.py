"""R15 and R23: nobody takes out more than there is, and no payout's money is lost or doubled."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable

import pytest

from tests.product import Product
from tests.scorecard.conftest import Score
from tests.scorecard.payee import Payee
from tests.waiting import eventually

CRASHES = 20
FUND, SEND = "POST /v1/transfers", "POST /v1/payouts"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.scorecard)])
def test_r15_of_fifty_payouts_at_once_only_what_the_wallet_has_is_paid(
    product: Product, score: Score, rounds: int
):
    answers: Counter[int] = Counter()
    paid, left = [], []
    for _ in range(rounds):
        maria = Payee(product)
        maria.earns(1_000)
        answers.update(shot.status for shot in maria.asks_at_once(300, copies=50))
        left.append(maria.available())
        maria.onboards()
        eventually(lambda: len(maria.sent()) >= 3, within=60)  # noqa: B023
        for payout in maria.sent():
            maria.bank_says(payout, "paid")
        eventually(lambda: not maria.payouts("pending", "in_transit"), within=60)  # noqa: B023
        paid.append(len(maria.payouts("paid")))
    score.holds("payouts taken", answers[201], exactly=3 * rounds)
    score.holds("payouts refused", answers[409], exactly=47 * rounds)
    score.holds("rounds in which three arrived", paid.count(3), exactly=rounds)
    score.holds("rounds that left a hundred", left.count(100), exactly=rounds)


def nobody_looks(product: Product, maria: Payee) -> None:
    """The money has left the wallet, and the provider was not asked for anything."""
    product.signal("worker", signal.SIGSTOP)
    maria.asks(1_000)


def in_the_call(call: str) -> Callable[[Product, Payee], None]:
    """The provider has done it, and its answer is on the way."""

    def ask(product: Product, maria: Payee) -> None:
        product.stripe.control("faults", match=f"{call}$", mode="slow_drip", seconds=60)
        before = heard(product, call)
        maria.asks(1_000)
        eventually(lambda: heard(product, call) > before, within=60)

    return ask


def heard(product: Product, call: str) -> int:
    asked = {"match": call, "limit": "1000"}
    return len(product.stripe.http.get("/_sandbox/requests", params=asked).json())


POINTS = (nobody_looks, in_the_call(FUND), in_the_call(SEND))


@pytest.mark.scorecard
@pytest.mark.timeout(900)
def test_r23_a_payout_survives_errors_lost_answers_and_twenty_crashes(
    product: Product, score: Score
):
    maria = Payee(product)
    maria.earns(90_000)
    maria.onboards()
    constant, kills = [maria.is_constant()], 0
    for number in range(CRASHES):
        POINTS[number % 3](product, maria)
        dead = product.kill("worker")
        kills += 1
        constant.append(maria.is_constant())
        product.wait_until_replaced("worker", dead)
    trouble(product, maria)
    constant.append(maria.is_constant())
    go_on(product, lambda: not unsent(maria))
    # All but the one that the provider refused.
    sent, kept = CRASHES + 3, CRASHES // 2
    score.holds("kills between the debit and the answer", kills, exactly=20)
    score.holds("at the provider: funded, sent on", counts(maria), exactly=(sent, sent))
    decide(product, maria, constant, keep=kept)
    ends = Counter(each["status"] for each in maria.payouts())
    score.holds("payouts paid", ends["paid"], exactly=kept)
    score.holds(
        "payouts that failed, half of them paid before", ends["failed"], exactly=sent - kept + 1
    )
    score.holds("what is in the wallet", maria.available(), exactly=90_000 - kept * 1_000)
    score.holds("times that wallet, pending and paid differed", constant.count(False), exactly=0)
    score.holds("funds taken back", taken_back(maria), exactly=sent - kept)
    proof = json.loads(product.manage("verify_ledger", "--json"))
    score.holds("the books are right", proof["ok"], exactly=True)


def counts(maria: Payee) -> tuple[int, int]:
    return len(maria.funded()), len(maria.sent())


def unsent(maria: Payee) -> list[str]:
    return [each["id"] for each in maria.payouts("pending") if not each["arrives_at"]]


def trouble(product: Product, maria: Payee) -> None:
    """Errors that pass, an answer that is lost, and a refusal, which is an end."""
    for fault in (
        {"match": f"{FUND}$", "mode": "status", "status": 500, "times": 2},
        {"match": f"{FUND}$", "mode": "reset_after", "times": 2},
        {"match": f"{SEND}$", "mode": "reset_after", "times": 2},
        {"match": f"{FUND}$", "mode": "status", "status": 400},
    ):
        product.stripe.control("faults", **fault).raise_for_status()
        before = heard(product, "POST /v1/")
        maria.asks(1_000)
        eventually(lambda: heard(product, "POST /v1/") > before, within=60)  # noqa: B023


def go_on(product: Product, done: Callable[[], bool]) -> None:
    """Nobody waits for the pauses that are to spare a provider."""

    def look() -> bool:
        for table in ("operations_operation", "wallet_payout"):
            product.rows(f"UPDATE {table} SET due_at = now() RETURNING 1")
        product.manage("sweep")
        return done()

    eventually(look, within=120)


def decide(product: Product, maria: Payee, constant: list[bool], *, keep: int) -> None:
    """The bank pays some, turns some back, and others that it had paid before; all news twice."""
    product.stripe.control("deliveries", mode="duplicate", n=2).raise_for_status()
    sent = maria.sent()
    paid = keep + (len(sent) - keep) // 2
    for payout in sent[:paid]:
        maria.bank_says(payout, "paid")
    eventually(lambda: len(maria.payouts("paid")) == paid, within=60)
    constant.append(maria.is_constant())
    for payout in sent[keep:]:
        maria.bank_says(payout, "failed")
    eventually(lambda: len(maria.payouts("paid")) == keep, within=60)
    eventually(lambda: not maria.payouts("pending", "in_transit"), within=60)
    constant.append(maria.is_constant())
    go_on(product, lambda: taken_back(maria) == len(sent) - keep)


def taken_back(maria: Payee) -> int:
    return sum(each["reversed"] for each in maria.funded())
