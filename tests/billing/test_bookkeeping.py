from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from billing import bookkeeping
from billing.models import Payment
from billing.providers import get_provider
from billing.sweeping import sweep
from billing.wallet import ledger
from sessions_live.models import User
from tests.billing.conftest import Shop


def verify(*options: str) -> dict[str, Any]:
    said = StringIO()
    try:
        call_command("verify_ledger", "--json", *options, stdout=said)
        ended_well = True
    except SystemExit:
        ended_well = False
    found: dict[str, Any] = json.loads(said.getvalue())
    assert found["ok"] == ended_well
    return found


def wrong(found: dict[str, Any]) -> list[str]:
    return [check["name"] for check in found["checks"] if not check["ok"]]


@pytest.mark.parametrize("tier", ["pro", "lifetime"])
def test_what_is_paid_is_in_the_books_once_whoever_tells(shop: Shop, alice: User, tier: str):
    session_id = shop.buy(alice, tier)
    shop.look_back(alice, session_id)
    shop.hear()
    shop.hear()
    payment = Payment.objects.get(user=alice)
    assert ledger.entries_of(f"payment:{payment.pk}") == [
        ("revenue", payment.money),
        ("stripe:clearing", -payment.money),
    ]
    assert ledger.balance("revenue", "usd") == payment.money
    assert verify()["ok"]


def test_what_was_not_paid_is_not_in_the_books(shop: Shop, alice: User):
    session_id = shop.checkout(alice, "lifetime")
    shop.stripe.pay(session_id, card="4000000000000002")
    shop.hear()
    assert Payment.objects.get(user=alice).status == "failed"
    assert verify()["entries"] == 0


def test_a_payment_from_before_the_books_is_found_and_booked(shop: Shop, alice: User):
    Payment.objects.create(
        user=alice, provider="stripe", provider_id="pi_1", amount=500, currency="usd",
        status="succeeded",
    )  # fmt: skip
    found = verify()
    assert not found["ok"]
    assert wrong(found) == ["paid_payments_booked"]
    assert verify("--fix")["ok"]
    assert ledger.balance("revenue", "usd").amount == 500


def test_each_kind_of_breach_is_found(transactional_db: None):
    """None of these can be made while the database guards the books."""
    with transaction.atomic():
        for name in ("wallet:1", "receivable:1"):
            amount = ledger.Money(100 if name == "wallet:1" else -100, "usd")
            ledger.move(amount, reference=name, source="stripe:clearing", to=name)
    breaches = {
        "transfers_balanced": "UPDATE wallet_entry SET amount = 99 WHERE line = 1",
        "transfers_complete": "DELETE FROM wallet_entry WHERE line = 1",
        "balances_are_sums": "UPDATE wallet_account SET balance = 98 WHERE name = 'wallet:1'",
        "chains_unbroken": "UPDATE wallet_entry SET balance = 97 WHERE balance = 100",
        "floors_kept": "UPDATE wallet_account SET name = 'payouts:in_transit'"
        " WHERE name = 'stripe:clearing'; DELETE FROM wallet_delta;"
        " UPDATE wallet_account SET balance = -100 WHERE name = 'payouts:in_transit'",
    }
    for check, breach in breaches.items():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(breach)
            found = {each.name for each in bookkeeping.checks() if not each.ok}
            transaction.set_rollback(True)
        assert check in found
    assert verify()["ok"]


def test_a_breach_rings_the_alarm(shop: Shop, alice: User, caplog: pytest.LogCaptureFixture):
    Payment.objects.create(
        user=alice, provider="stripe", provider_id="pi_1", amount=500, currency="usd",
        status="succeeded",
    )  # fmt: skip
    bookkeeping.watch()
    assert "paid_payments_booked" in caplog.text


def test_the_sweep_folds_what_was_put_aside(shop: Shop, alice: User):
    shop.buy(alice, "lifetime")
    shop.hear()
    assert sweep()["ledger_changes_folded"] == 2
    assert sweep()["ledger_changes_folded"] == 0


def test_what_the_provider_keeps_is_booked_once_and_clearing_is_its_balance(
    shop: Shop, alice: User
):
    shop.buy(alice, "lifetime")
    shop.hear()
    assert bookkeeping.collect_fees() == 1
    assert bookkeeping.collect_fees() == 0
    fee = ledger.balance("fees:provider", "usd").amount
    assert fee < 0
    assert get_provider("stripe").balance() == {
        "usd": -ledger.balance("stripe:clearing", "usd").amount
    }
    assert verify()["ok"]
