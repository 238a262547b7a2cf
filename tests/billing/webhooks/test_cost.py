from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection

from billing.models import Customer
from billing.webhooks import inbox
from tests.benchmarks.statements import COUNTABLE, Asked, counted
from tests.billing.conftest import Shop
from tests.stripe_events import deliver, event, payment_intent

pytestmark = pytest.mark.skipif(not COUNTABLE, reason="libpq traces on Linux only")

INGESTED = 1
PROCESSED = 12
# BEGIN, what is due, whose it is, the mark, COMMIT: once for up to a hundred events.
SHARED = 5
# Over the goal, and not to grow: once in a purchase, it writes the right, its API key, the mail
# that says so, and of a subscription the row that its history begins with.
GRANTING = {"pro": 21, "lifetime": 20}


@pytest.fixture
def only_connection(shop: Shop) -> psycopg.Connection:
    """The pool holds no other, so the door takes this one."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    pool = connection.pool  # type: ignore[attr-defined]
    pool.open(wait=True)
    with pool.connection() as postgres:
        pass
    return postgres


def processed(*happened: dict[str, Any]) -> Asked:
    """What one batch asks for."""
    for each in happened:
        assert deliver(each).status_code == 200
    connection.ensure_connection()
    with counted(connection.connection) as asked:
        assert inbox.take_batch() == len(happened)
    return asked


def paid(shop: Shop) -> dict[str, Any]:
    person = shop.person()
    Customer.objects.create(user=person, provider="stripe", provider_id=f"cus_{person.pk}")
    return event("payment_intent.succeeded", payment_intent(customer=f"cus_{person.pk}"))


def test_an_event_is_stored_with_one_statement(only_connection: psycopg.Connection):
    with counted(only_connection) as asked:
        deliver(event("payment_intent.succeeded", payment_intent()))
    assert len(asked) == INGESTED, asked.statements


def test_a_duplicate_costs_no_more(only_connection: psycopg.Connection):
    happened = event("payment_intent.succeeded", payment_intent())
    deliver(happened)
    with counted(only_connection) as asked:
        deliver(happened)
    assert len(asked) == INGESTED, asked.statements


def test_a_payment_alone_takes_effect_within_the_budget(shop: Shop):
    asked = processed(paid(shop))
    assert 0 < len(asked) - SHARED <= PROCESSED, asked.statements


@pytest.mark.parametrize(
    ("tier", "granting"),
    [("pro", "customer.subscription.created"), ("lifetime", "payment_intent.succeeded")],
)
def test_a_sale_stays_within_the_budget_but_for_the_event_that_gives_access(
    shop: Shop, tier: str, granting: str
):
    shop.buy(shop.person(), tier)
    costs = {each["type"]: len(processed(each)) - SHARED for each in shop.stripe.events()}
    assert 0 < costs.pop(granting) <= GRANTING[tier]
    assert 0 < max(costs.values()) <= PROCESSED, costs


def test_what_a_batch_shares_does_not_grow_with_it(shop: Shop):
    alone = len(processed(paid(shop)))
    ten = len(processed(*(paid(shop) for _ in range(10))))
    assert ten == SHARED + 10 * (alone - SHARED)
