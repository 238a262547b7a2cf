"""A balance is one row by its index, however many entries and accounts there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from billing.wallet import ledger
from config.kit.money import Money

Plan = dict[str, Any]


@pytest.fixture
def many_accounts(transactional_db: None) -> None:
    """So many that PostgreSQL would rather use an index than look through them."""
    for number in range(20):
        with transaction.atomic():
            ledger.move(
                Money(5, "usd"), reference=f"gift:{number}", source="stripe:clearing", to="wallet:1"
            )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wallet_account_id('wallet:' || n, 'usd') FROM generate_series(1, 3000) AS n"
        )
        cursor.execute("ANALYZE wallet_account, wallet_delta, wallet_entry")


def plan_of(query: str, *terms: Any) -> list[Plan]:
    """What PostgreSQL did, step by step, and how many rows each step took."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", terms)
        return list(steps(cursor.fetchone()[0][0]["Plan"]))


def steps(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", []):
        yield from steps(below)


def test_a_wallets_balance_is_one_row_by_its_index(many_accounts: None):
    assert ledger.balance("wallet:1", "usd") == Money(100, "usd")
    plan = plan_of(ledger.BALANCE, "wallet:1", "usd")
    of_table = {step["Relation Name"]: step for step in plan if "Relation Name" in step}
    assert of_table.keys() == {"wallet_account", "wallet_delta"}
    account = of_table["wallet_account"]
    assert account["Node Type"] == "Index Scan"
    assert account["Index Name"] == "one_account_per_currency"
    assert (account["Actual Rows"], account.get("Rows Removed by Filter", 0)) == (1, 0)
    # Nothing of somebody's own account waits to be added up.
    assert of_table["wallet_delta"]["Actual Rows"] == 0


def test_once_it_is_folded_a_shared_accounts_balance_is_one_row_too(many_accounts: None):
    ledger.fold()
    plan = plan_of(ledger.BALANCE, "stripe:clearing", "usd")
    rows = {step["Relation Name"]: step["Actual Rows"] for step in plan if "Relation Name" in step}
    assert rows == {"wallet_account": 1, "wallet_delta": 0}
    assert ledger.balance("stripe:clearing", "usd") == Money(-100, "usd")
