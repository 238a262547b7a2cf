"""What a page of a list reads of its tables, told by PostgreSQL: no more when they are large."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from config.kit.keyset import MOST_LOOKED_AT
from sessions_live.models import User
from tests.billing.conftest import Shop

PAYMENTS = "/api/v1/payments"
STAFF_PAYMENTS = "/api/v1/admin/payments"
PAGE = 26
# Half of the older ones are hers and the rest many people's, so that her index looks as if it led
# all over the table; of the newer ones, which are all of one state, none is hers.
PAST = """
    INSERT INTO billing_payment (id, user_id, provider, provider_id, invoice_id,
        provider_subscription_id, amount, currency, status, tier, description, method,
        failure_code, failure_message, created_at)
    SELECT gen_random_uuid(),
        CASE WHEN n < 28000 AND n %% 2 = 0 THEN %(hers)s ELSE %(others)s + n * 7919 %% 50 END,
        'stripe', 'pi_past' || n, 'in_' || n, '', n, 'usd',
        CASE WHEN n < 28000 AND n %% 10 < 4 THEN 'failed' ELSE 'succeeded' END, 'pro',
        'Subscription update', '', '', '', now() - (48000 - n) * interval '1 minute'
    FROM generate_series(1, 48000) n
"""


@pytest.fixture
def long_past(alice: User) -> None:
    others = User.objects.bulk_create(User(email=f"past{n}@example.com") for n in range(50))
    with connection.cursor() as cursor:
        # Without the history that a trigger writes for each.
        cursor.execute("ALTER TABLE billing_payment DISABLE TRIGGER ALL")
        cursor.execute(PAST, {"hers": alice.pk, "others": others[0].pk})
        cursor.execute("ALTER TABLE billing_payment ENABLE TRIGGER ALL")
        cursor.execute("ANALYZE billing_payment")


def rows_read(asked: CaptureQueriesContext) -> int:
    """By the statement that has the page, those that it left out included."""
    page = [each["sql"] for each in asked if 'FROM "billing_payment"' in each["sql"]][-1]
    with transaction.atomic(), connection.cursor() as cursor:
        # As for a table of which nobody would read the whole, or a tenth at once.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {page}")
        plan: Any = cursor.fetchone()[0]
    told = json.loads(plan) if isinstance(plan, str) else plan
    return sum(scanned(told[0]["Plan"]))


def scanned(node: dict[str, Any]) -> Iterator[int]:
    if node.get("Relation Name") == "billing_payment":
        left_out = node.get("Rows Removed by Filter", 0)
        yield round((node["Actual Rows"] + left_out) * node["Actual Loops"])
    for below in node.get("Plans", []):
        yield from scanned(below)


def read_for(shop: Shop, who: User, path: str) -> int:
    api = shop.client(who)
    with CaptureQueriesContext(connection) as asked:
        assert api.get(path).status_code == 200
    return rows_read(asked)


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ("", PAGE),
        ("created_after=2020-01-01", PAGE),
        ("status=failed", MOST_LOOKED_AT),
        ("status=failed,disputed&min_amount=1", MOST_LOOKED_AT),
        ("q=subscription", MOST_LOOKED_AT),
    ],
)
def test_a_page_reads_nothing_of_those_that_others_paid_since(
    shop: Shop, alice: User, long_past: None, query: str, most: int
):
    assert read_for(shop, alice, f"{PAYMENTS}?{query}") <= most


@pytest.mark.parametrize("query", ["", "status=failed", "status=disputed"])
def test_a_page_of_one_state_reads_no_others(shop: Shop, long_past: None, query: str):
    support = shop.person(is_staff=True)
    support.groups.add(Group.objects.get(name="Support"))
    assert read_for(shop, support, f"{STAFF_PAYMENTS}?{query}") <= PAGE
