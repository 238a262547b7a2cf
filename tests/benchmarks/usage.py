"""`python -m tests.benchmarks.usage`: counting usage against PostgreSQL's own commit rate, at the
same number of clients, with many people and with one whom everybody counts for."""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psycopg
import uvloop

from config.embedded import EmbeddedRefused
from config.fingerprint import ROOT
from tests.benchmarks.ground import (
    PYTHON,
    Ground,
    cpu_seconds,
    free_port,
    ground,
    our_environment,
)
from tests.benchmarks.ingest import in_turns
from tests.benchmarks.load import CLIENTS, Answered, drive
from tests.benchmarks.report import Row, table

GOAL = 0.25
PEOPLE = 64
# More than is answered in a round.
PLENTY = 9000
SPREAD, HOT = "POST /usage, many people", "POST /usage, one person"
ALONE = "PostgreSQL alone"
# As many as in the design's table, and as many as a busy hour has.
CROWDS = (CLIENTS, 4 * CLIENTS)
CATALOG = ROOT / "tests" / "billing" / "usage" / "meters.toml"


def furnish(file: Path) -> None:
    """People with a hard limit that nobody reaches, and a token for each."""
    import django

    django.setup()
    from django.core.management import call_command

    from billing.catalogue import read_catalog, store_catalog
    from billing.usage.models import QuotaSet
    from sessions_live.models import User
    from sessions_live.tokens import sign_in

    call_command("migrate", verbosity=0)
    store_catalog(read_catalog(CATALOG))
    QuotaSet.objects.update(limits={"entry": 10**12})
    people = User.objects.bulk_create(
        User(email=f"person{number}@example.com", password="!") for number in range(PEOPLE)
    )
    tokens = [sign_in(each, ip=None, user_agent="benchmark").access for each in people]
    file.write_text(json.dumps(tokens))


def requests(tokens: list[str], count: int) -> list[bytes]:
    made = []
    for number in range(count):
        body = json.dumps({"usage_type": "entry", "event_id": f"{time.time_ns()}-{number}"})
        made.append(
            (
                "POST /api/v1/usage HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {tokens[number % len(tokens)]}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )
    return made


def drive_from(file: Path, port: int, people: int, clients: int, seconds: float) -> None:
    tokens = json.loads(file.read_text())[:people]
    told = requests(tokens, int(PLENTY * seconds))
    answered = uvloop.run(drive(port, told, seconds, clients))
    print(json.dumps(asdict(answered)))


def rounds_of(
    here: Ground, door: int, port: int, file: Path, people: int, clients: int, seconds: float
) -> Callable[[], tuple[float, str]]:
    command = [PYTHON, "-m", "tests.benchmarks.usage", "--drive"]
    told = [str(each) for each in (file, port, people, clients, seconds)]

    def measure() -> tuple[float, str]:
        postgres = here.postgres.pid() or 0
        before = cpu_seconds(door), cpu_seconds(postgres)
        done = subprocess.run([*command, *told], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        after = cpu_seconds(door), cpu_seconds(postgres)
        answered = Answered(**json.loads(done.stdout))
        if set(answered.statuses) != {"201"}:
            raise SystemExit(f"A door that refuses measures nothing: {answered.statuses}")
        own, database = (
            1000 * (b - a) / answered.requests for a, b in zip(before, after, strict=True)
        )
        return answered.rate, (
            f"p50 {answered.p50_ms:.1f} ms, p99 {answered.p99_ms:.1f} ms; CPU per request:"
            f" {own:.2f} ms + {database:.2f} ms PostgreSQL;"
            f" client {answered.client_share:.0%} of a core"
        )

    return measure


def commits(here: Ground, clients: int, seconds: float) -> Callable[[], tuple[float, str]]:
    """One row of the same kind, one commit, again."""
    url = here.database(f"commits{clients}")
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(
            "CREATE TABLE commits (id bigserial PRIMARY KEY, user_id bigint NOT NULL,"
            " event_id text NOT NULL UNIQUE, amount bigint NOT NULL,"
            " received_at timestamptz NOT NULL DEFAULT now())"
        )
    script = (
        "INSERT INTO commits (user_id, event_id, amount) VALUES (1, gen_random_uuid()::text, 1);"
    )
    return pgbench(here, url, f"commits{clients}", script, clients, seconds)


def pgbench(
    here: Ground, url: str, name: str, script: str, clients: int, seconds: float
) -> Callable[[], tuple[float, str]]:
    file = here.folder / f"{name}.sql"
    file.write_text(script + "\n")
    program = Path(here.postgres.command()[0]).with_name("pgbench")
    command = [
        *(str(program), "--no-vacuum", "--protocol=prepared", f"--client={clients}"),
        *(f"--time={max(1, round(seconds))}", f"--file={file}", url),
    ]

    def measure() -> tuple[float, str]:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        assert rate, done.stdout
        return float(rate[1]), ""

    return measure


def serve(here: Ground, url: str, file: Path) -> tuple[int, int]:
    """As the Procfile serves it."""
    env = our_environment(url, here.redis_url())
    room = "tests.benchmarks.usage"
    here.run(PYTHON, "-m", room, "--furnish", str(file), env=env).until_done()
    port = free_port()
    door = here.run(
        *(PYTHON, "-m", "uvicorn", "config.asgi:application", "--port", str(port)),
        *("--ws", "websockets-sansio", "--no-proxy-headers", "--no-access-log", "--workers", "2"),
        env=env,
    ).until_port(port)
    return door.pid, port


def measure(seconds: float, times: int) -> list[Row]:
    with ground() as here:
        file = here.folder / "tokens.json"
        url = here.database("usage")
        door, port = serve(here, url, file)
        sides: dict[str, Callable[[], tuple[float, str]]] = {}
        for crowd in CROWDS:
            many, one = (
                rounds_of(here, door, port, file, people, crowd, seconds) for people in (PEOPLE, 1)
            )
            many()  # the first of everything, off the clock
            named = {SPREAD: many, HOT: one, ALONE: commits(here, crowd, seconds)}
            sides |= {f"{name}, {crowd} clients": side for name, side in named.items()}
        found = in_turns(sides, times)
    rows = []
    for crowd in CROWDS:
        alone = found[f"{ALONE}, {crowd} clients"]
        for name in (f"{SPREAD}, {crowd} clients", f"{HOT}, {crowd} clients"):
            rows.append(
                Row(name, str(found[name]), str(alone), found[name].rate / alone.rate, GOAL)
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.usage", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="of each round")
    parser.add_argument("--rounds", type=int, default=5, help="the median counts")
    parser.add_argument("--furnish", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--drive", nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.furnish:
        furnish(chosen.furnish)
    elif chosen.drive:
        file, port, people, clients, seconds = chosen.drive
        drive_from(Path(file), int(port), int(people), int(clients), float(seconds))
    else:
        print("\n" + table(measure(chosen.seconds, chosen.rounds)))


if __name__ == "__main__":
    # Whatever ends the run, what it started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        main()
    except EmbeddedRefused as refused:
        raise SystemExit(str(refused)) from None
