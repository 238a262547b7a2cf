"""Whether the books are right, from the entries alone. Reads only; every finding is a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

# Each names the breach in its first column; no rows is what they are to find.
UNBALANCED = """
SELECT transfer.reference || ' is off by ' || sum(entry.amount) || ' ' || account.currency
FROM wallet_entry AS entry
JOIN wallet_account AS account ON account.id = entry.account_id
JOIN wallet_transfer AS transfer ON transfer.id = entry.transfer_id
GROUP BY transfer.id, transfer.reference, account.currency HAVING sum(entry.amount) <> 0
"""
INCOMPLETE = """
SELECT transfer.reference || ' has ' || count(entry.id) || ' of ' || transfer.size || ' entries'
FROM wallet_transfer AS transfer LEFT JOIN wallet_entry AS entry ON entry.transfer_id = transfer.id
GROUP BY transfer.id HAVING count(entry.id) <> transfer.size
"""
DRIFTED = """
SELECT account.account || ' has ' || account.balance || ' ' || account.currency
    || ', its entries add up to ' || COALESCE(entries.total, 0)
FROM audit_account AS account LEFT JOIN (
    SELECT account, currency, sum(amount) AS total FROM audit_ledger_entry GROUP BY 1, 2
) AS entries USING (account, currency)
WHERE account.balance <> COALESCE(entries.total, 0)
"""
# Each entry of somebody's account begins where the one before it ended.
BROKEN_CHAINS = """
SELECT 'entry ' || id || ' of ' || name || ' does not follow the one before it' FROM (
    SELECT entry.id, account.name, entry.balance, entry.amount,
           lag(entry.balance, 1, 0::bigint) OVER (PARTITION BY account_id ORDER BY entry.id) AS had
    FROM wallet_entry AS entry JOIN wallet_account AS account ON account.id = entry.account_id
    WHERE NOT account.is_shared
) AS chain WHERE balance IS DISTINCT FROM had + amount
"""
BELOW_FLOORS = """
SELECT account || ' has ' || balance || ' ' || currency FROM audit_account
WHERE account ~ '^(wallet|escrow):' AND balance < 0
   OR account LIKE 'receivable:%' AND balance > 0
   OR account = 'payouts:in_transit' AND balance < 0
"""
CHECKS = {
    "transfers_balanced": UNBALANCED,
    "transfers_complete": INCOMPLETE,
    "balances_are_sums": DRIFTED,
    "chains_unbroken": BROKEN_CHAINS,
    "floors_kept": BELOW_FLOORS,
}
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    breaches: list[str]

    @property
    def ok(self) -> bool:
        return not self.breaches


def checks() -> Iterator[Check]:
    for name, query in CHECKS.items():
        with connection.cursor() as cursor:
            cursor.execute(f"{query} LIMIT {MOST_SHOWN}")  # noqa: S608 - no word from outside
            yield Check(name, [line for (line,) in cursor.fetchall()])


def size() -> dict[str, int]:
    """How much was looked at."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM wallet_account), (SELECT count(*) FROM wallet_transfer),"
            " (SELECT count(*) FROM wallet_entry)"
        )
        return dict(zip(("accounts", "transfers", "entries"), cursor.fetchone(), strict=True))
