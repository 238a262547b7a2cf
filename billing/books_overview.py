"""What the console shows of the books: where the money is, the proof, and the providers' word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.urls import reverse

from billing import bookkeeping
from billing.providers import get_provider
from billing.providers.base import ProviderError
from billing.wallet.accounts import clearing
from billing.wallet.models import SOMEBODYS, Account, Entry
from config.kit.money import Money

# Books of up to so many entries are proved each time that somebody looks at them.
SOON_CHECKED = 100_000


@dataclass(frozen=True, slots=True)
class Summary:
    """A line for each account that everybody writes to, and one for each kind of somebody's."""

    currencies: list[str]
    lines: list[SummaryLine]

    @property
    def totals(self) -> list[Money]:
        columns = zip(*(line.amounts for line in self.lines), strict=True)
        return [
            Money(sum(money.amount for money in column if money), currency)
            for currency, column in zip(self.currencies, columns, strict=False)
        ]


@dataclass(frozen=True, slots=True)
class SummaryLine:
    title: str
    amounts: list[Money | None]

    @property
    def url(self) -> str:
        query = "is_shared__exact=0" if self.title.endswith("…") else urlencode({"q": self.title})
        return f"{reverse('admin:wallet_account_changelist')}?{query}"


SUMS = """
SELECT CASE WHEN account ~ %s THEN split_part(account, ':', 1) || ':…' ELSE account END,
       currency, sum(balance)::bigint
FROM audit_account GROUP BY 1, 2 ORDER BY 1, 2
"""


def summary() -> Summary:
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [SOMEBODYS])
        sums = {(title, currency): total for title, currency, total in cursor.fetchall()}
    currencies = sorted({currency for _, currency in sums})
    lines = []
    for title in dict.fromkeys(title for title, _ in sums):
        found = [(sums.get((title, currency)), currency) for currency in currencies]
        amounts = [None if total is None else Money(total, each) for total, each in found]
        lines.append(SummaryLine(title, amounts))
    return Summary(currencies, lines)


def proof(*, asked: bool) -> dict[str, Any] | None:
    """What `verify` finds; None where that takes long and nobody has asked for it."""
    if not asked and Entry.objects.order_by("-pk")[SOON_CHECKED : SOON_CHECKED + 1].exists():
        return None
    found = bookkeeping.verify()
    for check in found["checks"]:
        check["title"] = check["name"].replace("_", " ").capitalize()
    return found


@dataclass(frozen=True, slots=True)
class Comparison:
    title: str
    words: str


def compare_providers() -> list[Comparison]:
    """What each provider says that it holds for us, beside what our books say. Network."""
    suffix = clearing("")
    accounts = Account.objects.filter(name__endswith=suffix, is_shared=True)
    names = {name.removesuffix(suffix) for name in accounts.values_list("name", flat=True)}
    return [line for name in sorted(names) for line in compare(name, bookkeeping.held_by(name))]


def compare(provider: str, booked: dict[str, int]) -> list[Comparison]:
    try:
        holds = get_provider(provider).balance()
    except ProviderError as error:
        return [Comparison(provider, error.detail)]
    lines = []
    for currency in sorted(booked.keys() | {each for each, amount in holds.items() if amount}):
        ours, theirs = (
            Money(booked.get(currency, 0), currency),
            Money(holds.get(currency, 0), currency),
        )
        words = f"{theirs} there and in our books ✓"
        if ours != theirs:
            words = f"{theirs} there, {ours} in our books: {theirs - ours} apart ✗"
        lines.append(Comparison(f"{provider}, {currency.upper()}", words))
    return lines
