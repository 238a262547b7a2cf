"""`python -m tests.benchmarks.history`: a page of payments in a large table against a small one,
asked in turns, and the speed and memory of a long export."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import sys
import time
from pathlib import Path
from statistics import median

import psycopg

from config.embedded import EmbeddedRefused
from tests.benchmarks.ground import PYTHON, Ground, free_port, ground, our_environment
from tests.benchmarks.report import Row, table

SMALL, LARGE, EXPORTED = 10_000, 5_000_000, 1_000_000
PAGES = {
    "the first page": "",
    "one state": "status=failed",
    "states, an amount, a time": "status=failed,disputed&min_amount=50&created_after=2020-01-01",
    "a beginning": "q=Subscription",
    "nothing to find": "q=nothing&tier=elite",
}
MEGABYTE = 1024 * 1024
OTHERS = 997
WARM_UP = 10


def furnish(file: Path, payments: int) -> None:
    """Somebody whose share of the payments is a small one, and somebody with all that grow."""
    import django

    django.setup()
    from django.core.management import call_command

    from sessions_live.models import User
    from sessions_live.tokens import sign_in

    call_command("migrate", verbosity=0)
    people = User.objects.bulk_create(
        User(email=f"person{number}@example.com", password="!") for number in range(OTHERS)
    )
    fill(os.environ["DATABASE_URL"], people[0].pk, payments)
    # Only now, for a token does not live long.
    some = {"500": people[0], "half of all": people[1]}
    tokens = {
        name: sign_in(user, ip=None, user_agent="benchmark").access for name, user in some.items()
    }
    file.write_text(json.dumps(tokens))


def fill(url: str, first: int, payments: int) -> None:
    """Half of all to one person, five hundred to another, the rest to a thousand."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("ALTER TABLE billing_payment DISABLE TRIGGER USER")
        database.execute(
            "INSERT INTO billing_payment (id, user_id, provider, provider_id, invoice_id,"
            " provider_subscription_id, amount, currency, status, tier, description, method,"
            " failure_code, failure_message, created_at, paid_at)"
            " SELECT gen_random_uuid(), %(first)s + CASE WHEN n < 500 THEN 0 WHEN n %% 2 = 0"
            f" THEN 1 ELSE 2 + n %% {OTHERS - 2} END, 'stripe', 'pi_' || n, 'in_' || n, '',"
            " 100 + n %% 9900, 'usd', (ARRAY['succeeded', 'succeeded', 'succeeded', 'failed',"
            " 'refunded'])[1 + n %% 5], 'pro', 'Subscription update', 'Visa •••• 4242', '', '',"
            " at, CASE WHEN n %% 5 <> 3 THEN at + interval '2 seconds' END"
            " FROM generate_series(0, %(payments)s::bigint - 1) n,"
            " LATERAL (SELECT now() - (n %% 60000000) * interval '1 second' AS at)",
            {"first": first, "payments": payments},
        )
        database.execute("ALTER TABLE billing_payment ENABLE TRIGGER USER")
        database.execute("VACUUM (ANALYZE) billing_payment")


class Door:
    """One server process before a database of its own."""

    def __init__(self, here: Ground, name: str, payments: int) -> None:
        file = here.folder / f"{name}.json"
        env = our_environment(here.database(name), here.redis_url(), DATABASE_POOL_SIZE="4")
        command = (PYTHON, "-m", "tests.benchmarks.history", "--furnish", str(file))
        here.run(*command, "--rows", str(payments), env=env).until_done(within=1200)
        self.tokens: dict[str, str] = json.loads(file.read_text())
        self.port = free_port()
        self.program = here.run(
            *(PYTHON, "-m", "granian", "config.wsgi:application", "--interface", "wsgi"),
            *("--workers", "1", "--blocking-threads", "4", "--port", str(self.port)),
            *("--no-ws", "--log-level", "warning"),
            env=env,
        ).until_port(self.port)

    def get(self, path: str, whose: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.tokens[whose]}"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {answer.read()[:300]!r}")
        return answer

    def milliseconds(self, query: str, whose: str) -> float:
        began = time.perf_counter()
        self.get(f"/api/v1/payments?{query}", whose).read()
        return 1000 * (time.perf_counter() - began)

    def memory(self) -> int:
        """Of the server and its worker, in bytes; what they share is counted for both."""
        own = self.program.pid
        pids = [own, *_children(own)]
        return sum(_resident(pid) for pid in pids)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


class Page:
    """Asked of both doors in turns: what else the machine does falls on both."""

    def __init__(self, what: str, query: str, whose: str) -> None:
        self.what, self.query, self.whose = what, query, whose
        self.small: list[float] = []
        self.large: list[float] = []
        self.ratios: list[float] = []

    def ask(self, small: Door, large: Door, times: int) -> None:
        took: dict[Door, list[float]] = {small: [], large: []}
        for turn in range(times):
            for door in (small, large) if turn % 2 else (large, small):
                took[door].append(door.milliseconds(self.query, self.whose))
        self.small += took[small]
        self.large += took[large]
        self.ratios.append(median(took[large]) / median(took[small]))

    def row(self, payments: int) -> Row:
        return Row(
            f"GET /payments, {self.what}, of {self.whose}",
            f"{median(self.large):.1f} ms at {payments:,}",
            f"{median(self.small):.1f} ms at {SMALL:,}",
            median(self.ratios),
            1.5,
            at_most=True,
        )


def pages(small: Door, large: Door, rounds: int, times: int) -> list[Page]:
    found = [Page(what, query, whose) for whose in small.tokens for what, query in PAGES.items()]
    for page in found:
        # Warm on both sides: the goal is about the work of a request, not about a cold disk.
        for door in (small, large):
            for _ in range(WARM_UP):
                door.milliseconds(page.query, page.whose)
    for _ in range(rounds):
        for page in found:
            page.ask(small, large, times)
    return found


def export(door: Door, format: str) -> tuple[int, float, int]:
    """Rows, seconds, and the most memory above what it was before."""
    idle, most, count, began = door.memory(), 0, 0, time.perf_counter()
    answer = door.get(f"/api/v1/payments/export?format={format}", "half of all")
    looked = 0.0
    while block := answer.read(MEGABYTE):
        count += block.count(b"\n")
        if time.perf_counter() - looked > 0.2:
            looked, most = time.perf_counter(), max(most, door.memory())
    # The line of names, or the two of an array's brackets.
    head = 1 if format == "csv" else 2
    return count - head, time.perf_counter() - began, max(0, most - idle)


def export_rows(door: Door, format: str, least: int) -> list[Row]:
    count, seconds, grew = export(door, format)
    if count < least:
        raise SystemExit(f"only {count} rows were exported")
    what = f"export of {count:,} rows as {format}"
    return [
        Row(f"{what}, MB above idle", "", "", grew / MEGABYTE, 60, at_most=True),
        Row(f"{what}, rows a second", f"{seconds:.0f} s", "", count / seconds, 50_000),
    ]


def measure(rounds: int, times: int, payments: int, exported: int) -> list[Row]:
    with ground() as here:
        small, large = Door(here, "small", SMALL), Door(here, "large", payments)
        found = pages(small, large, rounds, times)
        exports = [row for kind in ("csv", "json") for row in export_rows(large, kind, exported)]
    return [*(page.row(payments) for page in found), *exports]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="the median of their ratios counts")
    parser.add_argument("--times", type=int, default=8, help="each page is asked for in a round")
    parser.add_argument("--rows", type=int, default=LARGE, help="of the large table")
    parser.add_argument("--exported", type=int, default=EXPORTED, help="rows at least")
    parser.add_argument("--furnish", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.furnish:
        furnish(chosen.furnish, chosen.rows)
    else:
        found = measure(chosen.rounds, chosen.times, chosen.rows, chosen.exported)
        print(f"\n{table(found)}\nload average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    # Whatever ends the run, what it started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        main()
    except EmbeddedRefused as refused:
        raise SystemExit(str(refused)) from None
