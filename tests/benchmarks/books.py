"""`python -m tests.benchmarks.books`: the ledger's transfers against pgbench's TPC-B-like ones at
the same number of clients, and what reading a balance costs as the books grow."""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from config.embedded import EmbeddedRefused
from config.fingerprint import ROOT
from tests.benchmarks.ground import PYTHON, Ground, cpu_seconds, ground, our_environment
from tests.benchmarks.ingest import in_turns
from tests.benchmarks.report import Row, table

CLIENTS = 4
PEOPLE = 1_000
SCALE = 10
FEW, MANY = 10_000, 5_000_000
READINGS = 300
SHUFFLED, SHARED, ONE = "shuffled wallets", "one shared account", "one person's account"
TPC_B = "pgbench, TPC-B-like"
RATE, RATIO, GROWTH = 200, 0.3, 1.5
ROOM = "tests.benchmarks.books"

# As the guards would have left it, at a speed that they do not allow: 100 people, one transfer each
# second, from clearing.
FILL = """
INSERT INTO wallet_transfer (reference, kind, description, size, created_at)
SELECT 'filled:' || n, 'filled', '', 2, now()
FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS n;
INSERT INTO wallet_entry (transfer_id, line, account_id, amount, balance)
SELECT transfer.id, side.line,
       CASE side.line WHEN 1 THEN %(clearing)s::bigint
                      ELSE (%(people)s::bigint[])[1 + transfer.id %% 100] END,
       CASE side.line WHEN 1 THEN -1 ELSE 1 END,
       CASE side.line WHEN 1 THEN NULL ELSE (transfer.id + 99) / 100 END
FROM wallet_transfer AS transfer CROSS JOIN (VALUES (1), (2)) AS side (line)
WHERE transfer.id > %(known)s::bigint ORDER BY transfer.id, side.line;
UPDATE wallet_account SET balance = sums.balance
FROM (SELECT account_id, sum(amount) AS balance FROM wallet_entry GROUP BY 1) AS sums
WHERE wallet_account.id = sums.account_id;
"""


def django_ready() -> Any:
    import django

    django.setup()
    from billing.wallet import ledger

    return ledger


def give(ledger: Any, source: str, to: str) -> None:
    from django.db import transaction

    from config.kit.money import Money

    with transaction.atomic():
        reference = f"benchmark:{os.getpid()}:{time.perf_counter_ns()}"
        ledger.move(Money(1, "usd"), reference=reference, source=source, to=to)


def furnish() -> None:
    ledger = django_ready()
    from django.core.management import call_command
    from django.db import transaction

    from config.kit.money import Money

    call_command("migrate", verbosity=0)
    for number in range(PEOPLE):
        with transaction.atomic():
            purse = Money(10**9, "usd")
            name = f"wallet:{number}"
            ledger.move(purse, reference=name, source="stripe:clearing", to=name)


def ways(what: str) -> Callable[[], tuple[str, str]]:
    """Where each transfer goes."""

    def wallet() -> str:
        return f"wallet:{random.randrange(PEOPLE)}"

    def two_wallets() -> tuple[str, str]:
        first, second = random.sample(range(PEOPLE), 2)
        return f"wallet:{first}", f"wallet:{second}"

    return {
        SHUFFLED: two_wallets,
        SHARED: lambda: ("stripe:clearing", wallet()),
        ONE: lambda: ("wallet:0", f"wallet:{random.randrange(1, PEOPLE)}"),
    }[what]


def write(what: str, seconds: float) -> None:
    """One writer: says that it is ready, waits for the word, makes transfers until the time is up,
    and prints how many."""
    ledger, way = django_ready(), ways(what)
    give(ledger, *way())
    print("ready", flush=True)
    sys.stdin.readline()
    end, made = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        give(ledger, *way())
        made += 1
    print(made)


def transfers(
    here: Ground, env: dict[str, str], what: str, seconds: float
) -> Callable[[], tuple[float, str]]:
    def measure() -> tuple[float, str]:
        command = [PYTHON, "-m", ROOM, "--write", what, str(seconds)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        writers = [
            subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, **pipes)
            for _ in range(CLIENTS)
        ]
        for writer in writers:
            assert writer.stdout
            writer.stdout.readline()
        postgres = here.postgres.pid() or 0
        before = cpu_seconds(postgres)
        for writer in writers:
            assert writer.stdin
            writer.stdin.write("go\n")
            writer.stdin.flush()
        told = [writer.communicate()[0] for writer in writers]
        if any(writer.returncode for writer in writers):
            raise SystemExit("A writer failed; nothing is measured.")
        made = sum(int(each.splitlines()[-1]) for each in told)
        spent = 1000 * (cpu_seconds(postgres) - before) / made
        return made / seconds, f"PostgreSQL's CPU {spent:.2f} ms each"

    return measure


def tpc_b(here: Ground, seconds: float) -> Callable[[], tuple[float, str]]:
    url = here.database("tpcb")
    program = str(Path(here.postgres.command()[0]).with_name("pgbench"))
    subprocess.run(
        [program, "--initialize", "--quiet", f"--scale={SCALE}", url],
        check=True,
        capture_output=True,
    )
    command = [
        *(program, "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}"),
        *(f"--time={max(1, round(seconds))}", url),
    ]

    def measure() -> tuple[float, str]:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        assert rate, done.stdout
        return float(rate[1]), ""

    return measure


# --- reading, in one process ----------------------------------------------------------------------
def grow(entries: int) -> None:
    from django.db import connection, transaction

    from billing.wallet.models import Account, Transfer

    known = Transfer.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT wallet_account_id('stripe:clearing', 'usd')")
        cursor.execute(
            "SELECT wallet_account_id('wallet:' || n, 'usd') FROM generate_series(0, 99) AS n"
        )
        ids = dict(Account.objects.values_list("name", "pk"))
        terms: dict[str, Any] = {
            "from": known + 1,
            "to": entries // 2,
            "known": known,
            "clearing": ids["stripe:clearing"],
            "people": [ids[f"wallet:{number}"] for number in range(100)],
        }
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in FILL.split(";")[:-1]:
            cursor.execute(statement, terms)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE wallet_entry, wallet_transfer, wallet_account")
        cursor.execute("RESET statement_timeout")


ACTS = ("a wallet's balance", "clearing's balance", "a page of movements")


def read(entries: int) -> None:
    """One reader over books of this size: says what proving them took, then, as often as it gets
    the word, what a reading of each kind costs in the middle."""
    django_ready()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    grow(entries)
    before = time.perf_counter()
    if entries == FEW:
        call_command("verify_ledger", "--json", stdout=open(os.devnull, "w"))  # noqa: SIM115
    proof = time.perf_counter() - before
    reading_costs()  # warm
    print(proof, flush=True)
    for _ in sys.stdin:
        print(json.dumps(reading_costs()), flush=True)


def reading_costs() -> dict[str, float]:
    from billing.wallet import ledger, reading
    from config.kit.keyset import look

    looks: tuple[Callable[[], object], ...] = (
        lambda: ledger.balance(f"wallet:{random.randrange(100)}", "usd"),
        lambda: ledger.balance("stripe:clearing", "usd"),
        lambda: look(reading.movements(random.randrange(100), "usd"), None, limit=25),
    )
    return {act: milliseconds(once) for act, once in zip(ACTS, looks, strict=True)}


def milliseconds(look: Callable[[], object]) -> float:
    took = []
    for _ in range(READINGS):
        before = time.perf_counter()
        look()
        took.append(time.perf_counter() - before)
    return 1000 * median(took)


class Reader:
    """Books of one size, and who reads in them when told to."""

    def __init__(self, here: Ground, entries: int) -> None:
        database = here.database(f"reading{entries}")
        env = our_environment(database, here.redis_url(), LOG_LEVEL="ERROR")
        command = [PYTHON, "-m", ROOM, "--read", str(entries)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, **pipes)
        here.ends.callback(self.process.terminate)
        self.proof = float(self._heard())
        self.told: list[dict[str, float]] = []

    def _heard(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline() or "A reader failed."

    def look(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.told.append(json.loads(self._heard()))

    def cost(self, act: str) -> float:
        return median(each[act] for each in self.told)


def reading_rows(here: Ground, many: int, times: int) -> list[Row]:
    """Both sizes side by side, in turns, and warm: a ratio of what was asked at the same time."""
    few, more = Reader(here, FEW), Reader(here, many)
    for _ in range(times):
        few.look()
        more.look()
    rows = [
        Row(
            f"{act} at {many:,} entries",
            f"{more.cost(act):.2f} ms",
            f"{few.cost(act):.2f} ms at {FEW:,}",
            median(m[act] / f[act] for f, m in zip(few.told, more.told, strict=True)),
            GROWTH,
            at_most=True,
        )
        for act in ACTS
    ]
    said = f"{few.proof:.1f} s"
    return [*rows, Row(f"verify_ledger, {FEW:,} entries", said, "", few.proof, 5, at_most=True)]


def measure(seconds: float, times: int, many: int) -> list[Row]:
    with ground() as here:
        env = our_environment(
            here.database("books"), here.redis_url(), DATABASE_POOL_SIZE="1", LOG_LEVEL="ERROR"
        )
        here.run(PYTHON, "-m", ROOM, "--furnish", env=env).until_done()
        sides = {what: transfers(here, env, what, seconds) for what in (SHUFFLED, SHARED, ONE)} | {
            TPC_B: tpc_b(here, seconds)
        }
        found = in_turns(sides, times)
        reads = reading_rows(here, many, times)
    peer = found[TPC_B]
    rate = found[SHUFFLED].rate
    return [
        Row(f"transfers per second, {SHUFFLED}", str(found[SHUFFLED]), "", rate, RATE),
        *(
            Row(
                f"transfers, {what}", str(found[what]), str(peer), found[what].ratio_to(peer), RATIO
            )
            for what in (SHUFFLED, SHARED, ONE)
        ),
        *reads,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog=f"python -m {ROOM}", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="of each round")
    parser.add_argument("--rounds", type=int, default=5, help="the median counts")
    parser.add_argument("--entries", type=int, default=MANY, help="of the grown books")
    parser.add_argument("--furnish", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--read", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.furnish:
        furnish()
    elif chosen.write:
        what, seconds = chosen.write
        write(what, float(seconds))
    elif chosen.read:
        read(chosen.read)
    else:
        print("\n" + table(measure(chosen.seconds, chosen.rounds, chosen.entries)))


if __name__ == "__main__":
    # Whatever ends the run, what it started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        main()
    except EmbeddedRefused as refused:
        raise SystemExit(str(refused)) from None
