"""`python -m tests.benchmarks.history`: a page of payments in a large table against a small one,
and the memory of a long export."""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import statistics
import sys
import time
from pathlib import Path

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


def furnish(file: Path) -> None:
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
    some = {"few": people[0], "many": people[1]}
    tokens = {
        name: [user.pk, sign_in(user, ip=None, user_agent="benchmark").access]
        for name, user in some.items()
    }
    file.write_text(json.dumps({"people": tokens, "first": people[0].pk}))


def fill(url: str, first: int, start: int, stop: int) -> None:
    """Half of all to one person, five hundred to another, the rest to a thousand."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("ALTER TABLE billing_payment DISABLE TRIGGER USER")
        database.execute(
            "INSERT INTO billing_payment (id, user_id, provider, provider_id, invoice_id,"
            " provider_subscription_id, amount, currency, status, tier, description, method,"
            " failure_code, failure_message, created_at)"
            " SELECT gen_random_uuid(), %(first)s + CASE WHEN n < 500 THEN 0 WHEN n %% 2 = 0"
            f" THEN 1 ELSE 2 + n %% {OTHERS - 2} END, 'stripe', 'pi_' || n, 'in_' || n, '',"
            " 100 + n %% 9900, 'usd', (ARRAY['succeeded', 'succeeded', 'succeeded', 'failed',"
            " 'refunded'])[1 + n %% 5], 'pro', 'Subscription update', 'Visa •••• 4242', '', '',"
            " now() - (n %% 60000000) * interval '1 second'"
            " FROM generate_series(%(start)s::bigint, %(stop)s::bigint - 1) n",
            {"first": first, "start": start, "stop": stop},
        )
        database.execute("ALTER TABLE billing_payment ENABLE TRIGGER USER")
        database.execute("VACUUM (ANALYZE) billing_payment")


class Door:
    """One server process, asked over one connection."""

    def __init__(self, here: Ground, env: dict[str, str]) -> None:
        self.port = free_port()
        self.program = here.run(
            *(PYTHON, "-m", "granian", "config.wsgi:application", "--interface", "wsgi"),
            *("--workers", "1", "--blocking-threads", "4", "--port", str(self.port)),
            *("--no-ws", "--log-level", "warning"),
            env=env,
        ).until_port(self.port)

    def get(self, path: str, token: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {answer.read()[:300]!r}")
        return answer

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


def milliseconds(door: Door, token: str, query: str, times: int) -> float:
    took = []
    for _ in range(times + 3):
        began = time.perf_counter()
        door.get(f"/api/v1/payments?{query}", token).read()
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took[3:])


def pages(door: Door, people: dict[str, tuple[int, str]], times: int) -> dict[str, float]:
    return {
        f"{what}, of {whose}": milliseconds(door, token, query, times)
        for whose, (_, token) in (("500", people["few"]), ("half of all", people["many"]))
        for what, query in PAGES.items()
    }


def export(door: Door, token: str, format: str) -> tuple[int, float, int]:
    """Rows, seconds, and the most memory above what it was before."""
    idle, most, count, began = door.memory(), 0, 0, time.perf_counter()
    answer = door.get(f"/api/v1/payments/export?format={format}", token)
    looked = 0.0
    while block := answer.read(MEGABYTE):
        count += block.count(b"\n")
        if time.perf_counter() - looked > 0.2:
            looked, most = time.perf_counter(), max(most, door.memory())
    return count - 1, time.perf_counter() - began, max(0, most - idle)


def measure(times: int, large: int, exported: int) -> list[Row]:
    with ground() as here:
        url, file = here.database("history"), here.folder / "people.json"
        env = our_environment(url, here.redis_url(), DATABASE_POOL_SIZE="4")
        here.run(
            PYTHON, "-m", "tests.benchmarks.history", "--furnish", str(file), env=env
        ).until_done()
        known = json.loads(file.read_text())
        fill(url, known["first"], 0, SMALL)
        door = Door(here, env)
        small = pages(door, known["people"], times)
        fill(url, known["first"], SMALL, large)
        grown = pages(door, known["people"], times)
        rows = [
            Row(
                f"GET /payments, {what}",
                f"{grown[what]:.1f} ms",
                f"{small[what]:.1f} ms at {SMALL:,}",
                grown[what] / small[what],
                1.5,
                at_most=True,
            )
            for what in small
        ]
        count, seconds, grew = export(door, known["people"]["many"][1], "csv")
        if count < exported:
            raise SystemExit(f"only {count} rows were exported")
    return [
        *rows,
        Row(
            f"export of {count:,} rows, MB above idle",
            f"{count / seconds:,.0f} rows/s",
            "",
            grew / MEGABYTE,
            60,
            at_most=True,
        ),
        Row("export, rows a second", f"{seconds:.0f} s", "", count / seconds, 50_000),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history", description=__doc__)
    parser.add_argument("--times", type=int, default=40, help="each page is asked for; the median")
    parser.add_argument("--rows", type=int, default=LARGE, help="of the large table")
    parser.add_argument("--exported", type=int, default=EXPORTED, help="rows at least")
    parser.add_argument("--furnish", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.furnish:
        furnish(chosen.furnish)
    else:
        print("\n" + table(measure(chosen.times, chosen.rows, chosen.exported)))


if __name__ == "__main__":
    # Whatever ends the run, what it started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        main()
    except EmbeddedRefused as refused:
        raise SystemExit(str(refused)) from None
