"""R05 for money that leaves: refunds, disputes and payouts, in each of the orders of their news."""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import Any

import pytest
from django.db import connection, transaction

from billing.wallet.payout_models import Payout
from tests.billing.conftest import Shop, shop  # noqa: F401 - a fixture
from tests.billing.earning import Earner
from tests.billing.returns import Told
from tests.billing.test_every_order import ends_of, hear
from tests.scorecard.conftest import Score
from tests.stripe_events import event

pytestmark = [pytest.mark.scorecard, pytest.mark.timeout(600)]
OF_PAYMENT = ("payment_intent.succeeded",)


@pytest.mark.parametrize(
    ("story", "kinds"),
    [
        ("refund 400, refund fails", ("refund.", "charge.refund.")),
        ("dispute, won", ("charge.dispute.",)),
        ("dispute, lost", ("charge.dispute.",)),
    ],
)
def test_r05_money_back_ends_the_same_in_every_order(
    shop: Shop,  # noqa: F811
    score: Score,
    story: str,
    kinds: tuple[str, ...],
):
    told = Told(shop, "a plan")
    told.happens(story)
    news = [each for each in told.news() if each["type"].startswith((*OF_PAYMENT, *kinds))]
    found = [end for _, end in ends_of(news)]
    score.holds(f"orders of the news: {story}", len(found), exactly=factorial(len(news)))
    score.holds("ends: state and hash of the books", len(set(map(state, found))), exactly=1)
    score.holds("entries in the books", found[0]["ledger"][0], exactly=entries(story))


def state(end: dict[str, Any]) -> str:
    """Where the payment had to be asked about, its method is known too; that is no state."""
    paid = [(each["status"], each["amount"], each["paid_at"]) for each in end["payments"]]
    return repr((paid, end["ledger"], end["entitlements"]))


def entries(story: str) -> int:
    """Two for the payment, two for each movement."""
    return 2 * (1 + len(story.replace(", lost", "").split(", ")))


def test_r05_a_payout_ends_the_same_in_every_order(shop: Shop, score: Score):  # noqa: F811
    maria = Earner(shop, shop.person())
    maria.onboards()
    maria.earns(5_000)
    payout_id = maria.asks(2_000).json()["id"]
    account = maria.api.get("/api/v1/payout-account").json()
    assert account["status"] == "ready"
    ends = set()
    news = bank_news(maria, payout_id)
    for order in permutations(news):
        with transaction.atomic():
            hear([*order, *reversed(order)])
            ends.add(end_of(maria))
            transaction.set_rollback(True)
    score.holds("ends of 120 orders", len(ends), exactly=1)
    score.holds("its state, and what the wallet has", ends, exactly={("failed", 5_000, 0)})


def bank_news(maria: Earner, payout_id: str) -> list[dict[str, Any]]:
    """Told as paid, and turned back days later."""
    payout = {
        **{"id": "po_1", "object": "payout", "amount": 2_000, "currency": "usd"},
        **{"arrival_date": 1_800_000_000, "metadata": {"payout_id": payout_id}},
        **{"failure_code": None, "failure_message": None},
    }
    account = maria.user.payout_accounts.get().provider_id
    states = ("pending", "in_transit", "in_transit", "paid", "failed")
    kinds = ("created", "updated", "updated", "paid", "failed")
    return [
        event(f"payout.{kind}", {**payout, "status": status}, account=account)
        for kind, status in zip(kinds, states, strict=True)
    ]


def end_of(maria: Earner) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(balance) FROM audit_account WHERE currency = 'usd'")
        assert cursor.fetchone() == (0,)
    return (Payout.objects.get().status, *maria.standing())
