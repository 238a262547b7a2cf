"""Moving money between accounts: all of a transfer or nothing, and each transfer once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Sum

from billing.wallet.models import Account, Delta, Entry, Transfer
from config.kit.errors import AppError
from config.kit.money import Money
from config.kit.one_by_one import one_by_one

Line = tuple[str, Money]

# One statement, so that no round trip of ours lies between the first lock and the last. Accounts
# are taken in the order of their names by everybody, so that no two transfers wait for each other.
POST = """
SELECT wallet_post(
    %(reference)s, %(kind)s, %(description)s,
    %(names)s::text[], %(currencies)s::text[], %(amounts)s::bigint[]
)
"""
BALANCE = """
SELECT account.balance + COALESCE(
    (SELECT sum(amount) FROM wallet_delta WHERE account_id = account.id), 0
)::bigint
FROM wallet_account AS account WHERE account.name = %s AND account.currency = %s
"""


class Unbalanced(AppError):
    code = "unbalanced_transfer"
    status = 500
    detail = "A transfer's entries must add up to zero in each currency."


class ReferenceReused(AppError):
    """A mistake of ours, never a customer's: one thing that happened was told in two ways."""

    code = "ledger_reference_reused"
    status = 500
    detail = "This happened already, with other entries."


class NotBooked(AppError):
    code = "not_booked"
    status = 500


def post(*, reference: str, entries: Iterable[Line], kind: str = "", description: str = "") -> bool:
    """Books it; False if that was done before. Safe to repeat; must run inside a transaction.

    `kind` is the reference's first word unless it is told. Raises Unbalanced, ReferenceReused, and
    IntegrityError where an account would pass its floor.
    """
    lines = merged(entries)
    with connection.cursor() as cursor:
        cursor.execute(
            POST,
            {
                "reference": reference,
                "kind": kind or reference.partition(":")[0],
                "description": description[:300],
                "names": [name for name, _ in lines],
                "currencies": [money.currency for _, money in lines],
                "amounts": [money.amount for _, money in lines],
            },
        )
        (made,) = cursor.fetchone()
    if not made and entries_of(reference) != lines:
        raise ReferenceReused(f"{reference} is in the books already, with other entries.")
    return bool(made)


def move(
    money: Money, *, reference: str, source: str, to: str, kind: str = "", description: str = ""
) -> bool:
    """The whole of it from one account to one other; otherwise as `post`."""
    entries = [(source, -money), (to, money)]
    return post(reference=reference, entries=entries, kind=kind, description=description)


def merged(entries: Iterable[Line]) -> list[Line]:
    """One line for each account, in the order in which all transfers take them."""
    amounts: Counter[tuple[str, str]] = Counter()
    for name, money in entries:
        amounts[name, money.currency] += money.amount
    totals: Counter[str] = Counter()
    for (_, currency), amount in amounts.items():
        totals[currency] += amount
    lines = [
        (name, Money(amount, currency))
        for (name, currency), amount in sorted(amounts.items())
        if amount
    ]
    if any(totals.values()) or not lines:
        raise Unbalanced()
    return lines


def entries_of(reference: str) -> list[Line]:
    rows = Entry.objects.filter(transfer__reference=reference).order_by("line")
    found = rows.values_list("account__name", "amount", "account__currency")
    return [(name, Money(amount, currency)) for name, amount, currency in found]


def is_booked(reference: str) -> bool:
    return Transfer.objects.filter(reference=reference).exists()


def balance(name: str, currency: str) -> Money:
    """One row by its index; for a shared account the few changes that wait for folding, too."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCE, [name, currency])
        found = cursor.fetchone()
    return Money(found[0] if found else 0, currency)


def lock(name: str, currency: str) -> Money:
    """What somebody's account has, and will have until the transaction ends but for its own doing.

    Must run inside a transaction.
    """
    rows = Account.objects.select_for_update(no_key=True).filter(name=name, currency=currency)
    account = rows.first()
    if account is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT wallet_account_id(%s, %s)", [name, currency])
        account = rows.get()
    return account.money


def fold() -> int:
    """Adds up what was put aside for shared accounts; how many changes that were.

    Each account for itself: whoever else folds it at this moment is waited for, and leaves nothing.
    """
    folded = 0
    with one_by_one() as apart:
        for account in Account.objects.filter(is_shared=True).order_by("name", "currency"):
            with apart(f"account {account.name} {account.currency}"), transaction.atomic():
                gone, _ = Delta.objects.filter(account=account).delete()
                folded += gone
    return folded


def total(name: str) -> dict[str, int]:
    """By currency, and from the entries themselves: for checks, not for pages."""
    rows = Entry.objects.filter(account__name=name).values_list("account__currency")
    return dict(rows.annotate(Sum("amount")).order_by())
