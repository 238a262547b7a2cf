"""R22: whatever refunds and disputes do to a payment, our books end as the provider's."""

from __future__ import annotations

import pytest

from tests.billing.conftest import Shop, shop, unfinished  # noqa: F401 - a fixture
from tests.billing.returns import KINDS, STORIES, Told, balances_agree
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


def wallet_of(told: Told) -> int:
    standing = told.shop.client(told.payee).get("/api/v1/wallet").json()["balances"]
    return int(standing[0]["available_balance"]) if standing else 0
