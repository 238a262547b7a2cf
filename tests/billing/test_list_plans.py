"""What a page of a list reads of its tables, told by PostgreSQL: no more when they are large."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kit.keyset import MOST_LOOKED_AT
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.plans import plan_of, reading, scanned

PAYMENTS = "/api/v1/payments"
STAFF_PAYMENTS = "/api/v1/admin/payments"
PAGE = 26
# Once to see how far that is, and once for what is wanted among them.
LOOKED_AT = 2 * MOST_LOOKED_AT + 1
# Half of the older ones are hers and the rest many people's, so that her index looks as if it led
# all over the table; of the newer ones none is hers. Many of those were refunded, and none of hers.
PAST = """
    INSERT INTO billing_payment (id, user_id, provider, provider_id, invoice_id,
        provider_subscription_id, amount, currency, status, tier, description, method,
        failure_code, failure_message, created_at)
    SELECT gen_random_uuid(),
        CASE WHEN n < 28000 AND n %% 2 = 0 THEN %(hers)s ELSE %(others)s + n * 7919 %% 50 END,
        'stripe', 'pi_past' || n, 'in_' || n, '', n, 'usd',
        CASE WHEN n < 28000 AND n %% 10 < 4 THEN 'failed'
            WHEN n >= 28000 AND n %% 3 > 0 THEN 'refunded' ELSE 'succeeded' END, 'pro',
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


def read_for(shop: Shop, who: User, path: str) -> int:
    api = shop.client(who)
    with reading() as reads:
        assert api.get(path).status_code == 200
    return reads.of("billing_payment")


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ("", PAGE),
        ("created_after=2020-01-01", PAGE),
        ("status=failed", LOOKED_AT),
        ("status=failed,disputed&min_amount=1", LOOKED_AT),
        ("status=refunded", LOOKED_AT),
        ("min_amount=27000", LOOKED_AT),
        ("provider=stripe&tier=elite", LOOKED_AT),
        ("provider=stripe&status=failed&tier=elite&min_amount=1", LOOKED_AT),
    ],
)
def test_a_page_reads_nothing_of_those_that_others_paid_since(
    shop: Shop, alice: User, long_past: None, query: str, most: int
):
    assert read_for(shop, alice, f"{PAYMENTS}?{query}") <= most


def test_a_search_for_words_ends_where_it_may_end(shop: Shop, alice: User, long_past: None):
    with CaptureQueriesContext(connection) as asked:
        assert shop.client(alice).get(f"{PAYMENTS}?q=subscription").status_code == 200
    # The one before asks for whole ids, each of which has an index.
    page = [each["sql"] for each in asked if 'FROM "billing_payment"' in each["sql"]][-1]
    assert sum(rows for _, rows in scanned(plan_of(page))) <= MOST_LOOKED_AT


@pytest.mark.parametrize("query", ["", "status=failed", "status=disputed"])
def test_a_page_of_one_state_reads_no_others(shop: Shop, long_past: None, query: str):
    support = shop.person(is_staff=True)
    support.groups.add(Group.objects.get(name="Support"))
    assert read_for(shop, support, f"{STAFF_PAYMENTS}?{query}") <= PAGE
