from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.product import CATALOG, Product
from tests.scorecard.conftest import Score
from tests.scorecard.crowd import Crowd, Event, Outcome
from tests.scorecard.sending import Sender
from tests.stripe_events import event
from tests.waiting import eventually

pytestmark = [pytest.mark.scorecard, pytest.mark.timeout(300)]

# Sold at Stripe by somebody who forgot to tell our catalogue.
UNKNOWN = {
    "id": "price_ultra",
    "object": "price",
    "currency": "usd",
    "lookup_key": "journey_shop.ultra.month",
    "recurring": {"interval": "month"},
    "unit_amount": 29700,
}
ULTRA = """
[[plans]]
tier = "ultra"
name = "Ultra"
prices = [{ interval = "month", amount = 29700 }]
"""


def subscription(customer: str, number: int) -> dict[str, Any]:
    now = int(time.time())
    item = {
        "id": f"si_ultra{number}",
        "price": UNKNOWN,
        "quantity": 1,
        "current_period_start": now,
        "current_period_end": now + 30 * 86400,
    }
    return {
        "id": f"sub_ultra{now}_{number}",
        "object": "subscription",
        "customer": customer,
        "created": now,
        "status": "active",
        "items": {"data": [item]},
        "metadata": {},
        "trial_end": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "ended_at": None,
    }


def poison(customers: list[str]) -> list[Event]:
    return [
        event("customer.subscription.updated", subscription(customer, number))
        for number, customer in enumerate(customers)
    ]


def mixed(good: list[Event], bad: list[Event]) -> list[Event]:
    """One bad event after so many good ones."""
    step = len(good) // len(bad)
    for number, each in enumerate(bad):
        good.insert(number * (step + 1), each)
    return good


def subscriptions(product: Product, bad: list[Event]) -> int:
    query = (
        "SELECT count(*) FROM billing_subscription s"
        " JOIN billing_entitlement e ON e.source = 'subscription:' || s.id"
        " WHERE s.provider_id = ANY(%s) AND s.status = 'active' AND e.revoked_at IS NULL"
    )
    return int(product.value(query, [each["data"]["object"]["id"] for each in bad]))


def replay_by_api(product: Product, bad: list[Event]) -> None:
    finance = product.sign_in("finance@example.com")
    failed = finance.get("admin/webhook-events?status=failed&page_size=100")["results"]
    ours = {each["id"] for each in bad}
    for each in failed:
        if each["event_id"] in ours:
            assert finance.post(f"admin/webhook-events/{each['id']}/replay").status_code == 200


def test_r09_poison_is_set_aside_and_taken_once_when_it_is_healed(
    product: Product, crowd: Crowd, score: Score, tmp_path: Path
):
    bad = poison(crowd.customers(20))
    events = mixed(crowd.payments(980, of=20), bad)
    sender = Sender(product.url, lambda: product.secret)
    answers = sender.send_all(events, at_once=4)
    good, poisoned = Outcome(product, [e for e in events if e not in bad]), Outcome(product, bad)
    last = time.monotonic()
    eventually(lambda: good.effects == 980, within=30)
    score.holds("deliveries answered 2xx at once", sum(a.tries == 1 for a in answers), exactly=1000)
    score.holds("good ones done", good.taken_once, exactly=980)
    score.holds("good ones done after the last was sent, s", time.monotonic() - last, at_most=15.0)

    eventually(lambda: poisoned.count("failed") == 20, within=120)
    tries = "SELECT attempts FROM audit_inbox WHERE event_id = ANY(%s)"
    five = [row[0] for row in product.rows(tries, poisoned.ids)].count(5)
    alarms = Counter(line.get("event_id") for line in product.logged("alarm"))
    score.holds("set aside after five attempts", five, exactly=20)
    score.holds("alarms, one each", sum(alarms[id_] == 1 for id_ in poisoned.ids), exactly=20)
    score.holds("effects of what was set aside", subscriptions(product, bad), exactly=0)

    healed = tmp_path / "shop.toml"
    healed.write_text(CATALOG.read_text() + ULTRA)
    product.manage("sync_catalog", str(healed))
    replay_by_api(product, bad)
    eventually(lambda: poisoned.count("processed") == 20, within=30)
    score.holds("effects after it was healed and replayed", subscriptions(product, bad), exactly=20)
    replayed_again = [each.status_code for each in map(product.deliver, bad)]
    score.holds("sent by Stripe once more, answered 2xx", replayed_again.count(200), exactly=20)
    score.holds("effects after that", subscriptions(product, bad), exactly=20)
