from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from billing.wallet import ledger
from billing.wallet.models import Account, Delta, Entry, Transfer
from config.kit.money import Money

pytestmark = pytest.mark.django_db(transaction=True)
CLEARING, REVENUE, ALICE, BOB = "stripe:clearing", "revenue", "wallet:1", "wallet:2"


def usd(amount: int) -> Money:
    return Money(amount, "usd")


def give(amount: int, to: str = ALICE, reference: str = "") -> bool:
    name = reference or f"gift:{random.getrandbits(64)}"
    with transaction.atomic():
        return ledger.move(usd(amount), reference=name, source=CLEARING, to=to)


def sql(statement: str, *terms: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, terms)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What came of each: its answer, or what it raised."""
    came: list[object] = []

    def run(act: Callable[[], object]) -> None:
        try:
            came.append(act())
        except Exception as error:  # noqa: BLE001 - the test judges it
            came.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def test_money_leaves_one_account_and_arrives_in_the_other():
    assert give(500)
    assert ledger.balance(ALICE, "usd") == usd(500)
    assert ledger.balance(CLEARING, "usd") == usd(-500)
    assert ledger.balance(ALICE, "eur") == Money(0, "eur")


def test_the_same_reference_happens_once():
    assert give(500, reference="gift:1")
    assert not give(500, reference="gift:1")
    assert ledger.balance(ALICE, "usd") == usd(500)


def test_the_same_reference_with_other_entries_is_an_error():
    give(500, reference="gift:1")
    with pytest.raises(ledger.ReferenceReused):
        give(501, reference="gift:1")
    assert ledger.balance(ALICE, "usd") == usd(500)


def test_the_same_reference_at_once_happens_once():
    came = at_once(*[lambda: give(500, reference="gift:1")] * 8)
    assert sorted(came, key=bool) == [False] * 7 + [True]
    assert ledger.balance(ALICE, "usd") == usd(500)


def test_accounts_that_are_opened_at_once_are_opened_once():
    came = at_once(*[lambda: give(1)] * 8)
    assert came == [True] * 8
    assert Account.objects.filter(name=ALICE).count() == 1
    assert ledger.balance(ALICE, "usd") == usd(8)


@pytest.mark.parametrize(
    "entries",
    [
        [(ALICE, usd(1))],
        [(ALICE, usd(1)), (CLEARING, usd(-2))],
        [(ALICE, usd(1)), (CLEARING, Money(-1, "eur"))],
        [(ALICE, usd(1)), (ALICE, usd(-1))],
        [],
    ],
)
def test_what_does_not_add_up_is_refused_before_the_database_is_asked(entries: list[ledger.Line]):
    with pytest.raises(ledger.Unbalanced):
        ledger.post(reference="odd:1", entries=entries)
    assert not Transfer.objects.exists()


def test_several_currencies_add_up_each_for_itself():
    entries = [(ALICE, usd(1)), (CLEARING, usd(-1)), (ALICE, Money(7, "jpy"))]
    with transaction.atomic():
        ledger.post(reference="mixed:1", entries=[*entries, (CLEARING, Money(-7, "jpy"))])
    assert ledger.balance(ALICE, "jpy") == Money(7, "jpy")
    assert ledger.balance(ALICE, "usd") == usd(1)


def test_a_wallet_never_falls_below_zero():
    give(100)
    with pytest.raises(IntegrityError, match="wallet_not_below_zero"):
        give(-101)
    assert ledger.balance(ALICE, "usd") == usd(100)


def test_nobody_owes_less_than_nothing():
    with pytest.raises(IntegrityError, match="debt_not_above_zero"):
        give(1, to="receivable:1")


def test_a_balance_is_the_sum_of_the_entries_before_and_after_folding():
    for _ in range(5):
        give(10)
    assert ledger.balance(CLEARING, "usd") == usd(-50)
    assert ledger.fold() == 5
    assert ledger.fold() == 0
    assert not Delta.objects.exists()
    assert Account.objects.get(name=CLEARING).balance == -50
    give(10)
    assert ledger.balance(CLEARING, "usd") == usd(-60)


def test_folding_while_others_write_loses_nothing():
    came = at_once(*[lambda: give(1)] * 6, ledger.fold, *[lambda: give(1)] * 6, ledger.fold)
    assert not [each for each in came if isinstance(each, Exception)]
    assert ledger.balance(CLEARING, "usd") == usd(-12)
    ledger.fold()
    assert ledger.balance(CLEARING, "usd") == usd(-12)


def test_opposite_transfers_at_once_do_not_wait_for_each_other_forever():
    give(1000, ALICE)
    give(1000, BOB)

    def swap(number: int, source: str, to: str) -> Callable[[], object]:
        def act() -> None:
            for turn in range(20):
                with transaction.atomic():
                    name = f"swap:{number}:{turn}"
                    ledger.move(usd(1), reference=name, source=source, to=to)

        return act

    came = at_once(*[swap(n, *((ALICE, BOB) if n % 2 else (BOB, ALICE))) for n in range(4)])
    assert came == [None] * 4
    assert ledger.balance(ALICE, "usd") == usd(1000)


def test_each_entry_knows_what_its_account_had_after_it():
    at_once(*[lambda: give(1)] * 10)
    entries = Entry.objects.filter(account__name=ALICE).order_by("id")
    assert list(entries.values_list("balance", flat=True)) == list(range(1, 11))


REFUSED = {
    "an entry changed": "UPDATE wallet_entry SET amount = amount + 1",
    "an entry removed": "DELETE FROM wallet_entry",
    "the entries emptied away": "TRUNCATE wallet_entry CASCADE",
    "a transfer changed": "UPDATE wallet_transfer SET reference = 'other'",
    "a transfer removed": "DELETE FROM wallet_transfer",
    "the transfers emptied away": "TRUNCATE wallet_transfer CASCADE",
    "a balance set": "UPDATE wallet_account SET balance = 10 WHERE name = 'wallet:1'",
    "an account moved to another currency": "UPDATE wallet_account SET currency = 'eur'",
    "an account removed": "DELETE FROM wallet_account",
    "the accounts emptied away": "TRUNCATE wallet_account CASCADE",
    "an account opened with money": "INSERT INTO wallet_account"
    " (name, currency, balance, is_shared) VALUES ('wallet:3', 'usd', 5, false)",
    "a wallet without a floor": "INSERT INTO wallet_account (name, currency, balance, is_shared)"
    " VALUES ('wallet:3', 'usd', 0, true)",
    "a change put aside": "INSERT INTO wallet_delta (account_id, amount)"
    " SELECT id, 1 FROM wallet_account WHERE is_shared",
    "a change put aside made another": "UPDATE wallet_delta SET amount = 1",
    "what was put aside emptied away": "TRUNCATE wallet_delta",
    "one entry more": "INSERT INTO wallet_entry (transfer_id, line, account_id, amount)"
    " SELECT transfer_id, 3, account_id, 5 FROM wallet_entry",
    "a second entry for a line": "INSERT INTO wallet_entry (transfer_id, line, account_id, amount)"
    " SELECT transfer_id, line, account_id, 5 FROM wallet_entry",
    "a transfer without entries": "INSERT INTO wallet_transfer"
    " (reference, kind, description, size, created_at) VALUES ('odd:1', '', '', 2, now())",
    "an entry without a transfer": "INSERT INTO wallet_entry"
    " (transfer_id, line, account_id, amount) SELECT 0, 1, id, 5 FROM wallet_account",
}


@pytest.mark.parametrize("switch", ["", "SET LOCAL pgtrigger.ignore = '{all}';"])
@pytest.mark.parametrize("what", REFUSED)
def test_the_database_itself_refuses(what: str, switch: str):
    give(100)
    before = books()
    with pytest.raises(IntegrityError):
        sql(switch.format(all="{" + names_of_guards() + "}") + REFUSED[what])
    assert books() == before


@pytest.mark.parametrize(
    "amounts",
    [
        {(ALICE, "usd"): 1, (BOB, "usd"): 1},
        {(ALICE, "usd"): 5, (BOB, "usd"): -4},
        # Zero in sum, but not in any currency.
        {(ALICE, "usd"): 5, (BOB, "eur"): -5},
    ],
)
def test_the_database_itself_refuses_what_does_not_add_up(amounts: dict[tuple[str, str], int]):
    for name, currency in amounts:
        with transaction.atomic():
            money = Money(100, currency)
            ledger.move(money, reference=f"first:{name}", source=CLEARING, to=name)
    before = books()
    with pytest.raises(IntegrityError, match="does not add up to zero"):
        write_by_hand(amounts)
    assert books() == before


def test_what_adds_up_can_be_written_by_hand_and_moves_the_balances():
    give(5, ALICE)
    give(5, BOB)
    write_by_hand({(ALICE, "usd"): 5, (BOB, "usd"): -5})
    assert ledger.balance(ALICE, "usd") == usd(10)
    assert ledger.balance(BOB, "usd") == usd(0)


def write_by_hand(amounts: dict[tuple[str, str], int]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO wallet_transfer (reference, kind, description, size, created_at)"
            " VALUES ('hand:1', '', '', %s, now()) RETURNING id",
            [len(amounts)],
        )
        (transfer,) = cursor.fetchone()
        for line, ((name, currency), amount) in enumerate(amounts.items(), 1):
            cursor.execute(
                "INSERT INTO wallet_entry (transfer_id, line, account_id, amount)"
                " VALUES (%s, %s, wallet_account_id(%s, %s), %s)",
                [transfer, line, name, currency, amount],
            )


def names_of_guards() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(tgname, ',') FROM pg_trigger WHERE tgname ~ '^pgtrigger'")
        return str(cursor.fetchone()[0])


def books() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("TABLE audit_ledger_entry")
        entries = sorted(cursor.fetchall())
        cursor.execute("TABLE audit_account")
        return [entries, sorted(cursor.fetchall())]


def test_the_published_views_show_names_and_balances():
    give(100, reference="gift:1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, currency, balance FROM audit_account ORDER BY 1")
        assert cursor.fetchall() == [(CLEARING, "usd", -100), (ALICE, "usd", 100)]
        cursor.execute("SELECT reference, account, currency, amount FROM audit_ledger_entry")
        assert sorted(cursor.fetchall()) == [
            ("gift:1", CLEARING, "usd", -100),
            ("gift:1", ALICE, "usd", 100),
        ]
