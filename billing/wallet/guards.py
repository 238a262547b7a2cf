"""What the database itself refuses, whoever asks: by this code, by another program, by hand.

The triggers are django-pgtrigger's but for one thing: theirs can be switched off by a session that
sets `pgtrigger.ignore`. Books that anybody can switch off prove nothing, so these cannot.
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from pgtrigger.compiler import Trigger, UpsertTriggerSql

UPDATED, DELETED = pgtrigger.Update, pgtrigger.Delete
KEPT = "RAISE EXCEPTION '%: what is in the books is kept as it is', TG_TABLE_NAME"
KEPT += " USING ERRCODE = 'restrict_violation';"


class GuardSQL(UpsertTriggerSql):
    """Migrations refer to this: it may be added to, never changed."""

    def get_template(self) -> str:
        return """
            CREATE OR REPLACE FUNCTION {pgid}() RETURNS TRIGGER AS $$
                {declare}
                BEGIN
                    {func}
                END;
            $$ LANGUAGE plpgsql;
            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE {constraint} TRIGGER {pgid}
                {when} {operation} ON {table} {timing} {referencing}
                FOR EACH {level} {condition} EXECUTE FUNCTION {execute};
            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class Guard(pgtrigger.Trigger):
    def compile(self, model: Any) -> Trigger:
        stock = super().compile(model)
        terms = {**stock.sql.kwargs}
        terms.pop("ignore_func_name", None)
        return Trigger(name=self.name, sql=GuardSQL(**terms))


def kept(name: str, *, what: Any = None) -> list[Guard]:
    """Rows that are never changed, removed or emptied away."""
    return [
        Guard(
            name=f"{name}_kept",
            when=pgtrigger.Before,
            operation=what or UPDATED | DELETED,
            func=KEPT,
        ),
        Guard(
            name=f"{name}_not_emptied",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func=KEPT,
        ),
    ]


# A statement of somebody's, not one of the triggers below.
BY_HAND = pgtrigger.Condition("pg_trigger_depth() = 0")

# An account opens empty, and its balance is moved by entries alone.
OPENS_EMPTY = Guard(
    name="account_opens_empty",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Condition("NEW.balance <> 0"),
    func="RAISE EXCEPTION 'an account opens empty' USING ERRCODE = 'check_violation';",
)
MOVED_BY_ENTRIES = Guard(
    name="account_moved_by_entries",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    condition=BY_HAND,
    func=KEPT,
)
# Somebody's account is locked by its own update until the commit, and the entry takes the balance
# that it left and a number that is higher than any before. Accounts that everybody writes to have
# no floor to guard: their change is put aside, and nobody waits.
MOVES_ITS_ACCOUNT = Guard(
    name="entry_moves_its_account",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("lines", "smallint")],
    func="""
        SELECT size INTO lines FROM wallet_transfer WHERE id = NEW.transfer_id;
        IF NEW.line IS NULL OR lines IS NULL OR NEW.line NOT BETWEEN 1 AND lines THEN
            RAISE EXCEPTION 'transfer % has no line %', NEW.transfer_id, NEW.line
                USING ERRCODE = 'check_violation';
        END IF;
        UPDATE wallet_account SET balance = balance + NEW.amount
            WHERE id = NEW.account_id AND NOT is_shared RETURNING balance INTO NEW.balance;
        IF FOUND THEN
            NEW.id := nextval('wallet_entry_id_seq');
            RETURN NEW;
        END IF;
        INSERT INTO wallet_delta (account_id, amount)
            SELECT id, NEW.amount FROM wallet_account WHERE id = NEW.account_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no account %', NEW.account_id
                USING ERRCODE = 'foreign_key_violation';
        END IF;
        NEW.balance := NULL;
        RETURN NEW;
    """,
)
# At the commit. A transfer has all of its lines from then on, and each line is taken by one entry
# only, so nothing can be added to it later.
IS_BALANCED = Guard(
    name="transfer_is_balanced",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    timing=pgtrigger.Deferred,
    declare=[("lines", "bigint"), ("is_off", "boolean")],
    func="""
        SELECT sum(sums.lines), bool_or(sums.total <> 0) INTO lines, is_off FROM (
            SELECT count(*) AS lines, sum(amount) AS total
            FROM wallet_entry JOIN wallet_account ON wallet_account.id = account_id
            WHERE transfer_id = NEW.id GROUP BY currency
        ) AS sums;
        IF lines IS DISTINCT FROM NEW.size THEN
            RAISE EXCEPTION 'transfer % lacks entries', NEW.reference
                USING ERRCODE = 'check_violation';
        END IF;
        IF is_off THEN
            RAISE EXCEPTION 'transfer % does not add up to zero', NEW.reference
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    """,
)
PUT_ASIDE_BY_ENTRIES = Guard(
    name="delta_put_aside_by_entries",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=BY_HAND,
    func=KEPT,
)
# Taking deltas away is adding them up: there is no other way for one to go.
FOLDED = Guard(
    name="delta_folded",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Delete,
    referencing=pgtrigger.Referencing(old="gone"),
    func="""
        UPDATE wallet_account SET balance = balance + folded.amount
        FROM (SELECT account_id, sum(amount) AS amount FROM gone GROUP BY account_id) AS folded
        WHERE wallet_account.id = folded.account_id;
        RETURN NULL;
    """,
)
