"""R22 and R24: whatever goes back, our books end as the provider's, and every debt is exact."""

from __future__ import annotations

import random

import pytest
from rest_framework.test import APIClient

from tests.billing.conftest import Shop, shop, unfinished  # noqa: F401 - a fixture
from tests.billing.returns import AMOUNT, KINDS, STORIES, Told, balances_agree
from tests.scorecard.conftest import Score

pytestmark = [pytest.mark.scorecard, pytest.mark.timeout(600)]


def test_r22_twelve_orders_of_refunds_and_disputes_end_with_the_providers_balance(
    shop: Shop,  # noqa: F811
    score: Score,
):
    right, least = 0, 0
    for number, story in enumerate(STORIES):
        agreed = True
        for kind in KINDS:
            told = Told(shop, kind)
            told.happens(story)
            told.hear(seed=number)
            agreed = balances_agree() and agreed
            least = min(least, wallet_of(told))
        if not agreed:
            print(f"{story}: differs")
        right += agreed
    score.holds("orders of events whose net is the provider's", right, exactly=12)
    score.holds("the emptiest wallet", least, exactly=0)
    score.holds("events that did not end well", len(unfinished()), exactly=0)


def test_r24_what_comes_back_after_its_payout_is_a_debt_that_the_next_earning_repays(
    shop: Shop,  # noqa: F811
    score: Score,
):
    draw, earned = random.Random(24), AMOUNT - AMOUNT // 10
    debts, refused, repaid, least = 0, 0, 0, 0
    for _ in range(20):
        told = Told(shop, "released")
        api = shop.client(told.payee)
        taken_out, back = draw.randrange(earned - 200, earned + 1), draw.randrange(400, AMOUNT)
        assert asked(api, taken_out) == 201
        told.refund(str(back))
        told.hear(seed=back)
        debt = back - (earned - taken_out)
        least = min(least, wallet_of(told))
        debts += standing(told) == (0, debt)
        refused += asked(api, 100) == 409
        Told(shop, "released", payee=told.payee)
        repaid += standing(told) == (max(0, earned - debt), max(0, debt - earned))
    score.holds("debts that are exact, of 20", debts, exactly=20)
    score.holds("the emptiest wallet", least, exactly=0)
    score.holds("payouts refused with 409", refused, exactly=20)
    score.holds("repaid by what was earned next", repaid, exactly=20)
    score.holds("the books are the provider's", balances_agree(), exactly=True)


def asked(api: APIClient, amount: int) -> int:
    return int(api.post("/api/v1/payouts", {"amount": amount, "currency": "usd"}).status_code)


def standing(told: Told) -> tuple[int, int]:
    balances = told.shop.client(told.payee).get("/api/v1/wallet").json()["balances"]
    if not balances:
        return 0, 0
    return balances[0]["available_balance"], balances[0]["owed"]


def wallet_of(told: Told) -> int:
    return standing(told)[0]
