"""What people see of their money: what they have, what awaits them, and every movement."""

from __future__ import annotations

from dataclasses import dataclass

from billing.wallet import escrow
from billing.wallet.accounts import receivable, wallet
from billing.wallet.models import Account, Entry, Escrow
from config.kit.keyset import Several, look, own
from config.kit.money import Money


@dataclass(frozen=True, slots=True)
class Standing:
    """`pending` is what is held for a person, less the platform's share."""

    currency: str
    available: Money
    pending: Money
    owed: Money
    last: Entry | None


def standings(user_id: int) -> list[Standing]:
    """One for each currency in which a person has, awaits or owes anything, or ever did."""
    names = [wallet(user_id), receivable(user_id)]
    has = set(Account.objects.filter(name__in=names).values_list("currency", flat=True))
    awaits = Escrow.objects.holding().filter(payee=user_id).values_list("currency", flat=True)
    return [standing(user_id, currency) for currency in sorted(has | set(awaits))]


def standing(user_id: int, currency: str) -> Standing:
    names = {wallet(user_id): 0, receivable(user_id): 0}
    rows = Account.objects.filter(name__in=names, currency=currency)
    balances = names | dict(rows.values_list("name", "balance"))
    return Standing(
        currency=currency,
        available=Money(balances[wallet(user_id)], currency),
        pending=pending(user_id, currency),
        owed=Money(-balances[receivable(user_id)], currency),
        last=next(iter(look(movements(user_id, currency), None, limit=1).rows), None),
    )


def pending(user_id: int, currency: str) -> Money:
    total = Money(0, currency)
    for held in Escrow.objects.holding().filter(payee=user_id, currency=currency):
        share = escrow.fee_of(held, held.released + held.left.amount)
        total += held.left - (share - escrow.fee_of(held, held.released))
    return total


def movements(user_id: int, currency: str = "") -> Several:
    """Of the wallet, newest first; each with what was in it then."""
    accounts = Account.objects.filter(name=wallet(user_id))
    if currency:
        accounts = accounts.filter(currency=currency)
    entries = Entry.objects.select_related("account", "transfer")
    ids = accounts.values_list("pk", flat=True)
    parts = tuple(own(entries, "account_id", pk, by_id=True) for pk in ids)
    return Several(parts, by_id=True)
