"""Storing what arrives: ours, the peers and PostgreSQL itself, in turns."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg

from tests.benchmarks.events import intent
from tests.benchmarks.ground import Ground, cpu_seconds
from tests.benchmarks.load import CLIENTS, load
from tests.benchmarks.sides import Side
from tests.stripe_events import event

# More than any side answers in a round.
PLENTY = 4000


@dataclass
class Measured:
    """Several rounds; the median speaks."""

    rates: list[float]
    notes: list[str]

    @property
    def rate(self) -> float:
        return median(self.rates)

    def ratio_to(self, peer: Measured) -> float:
        """Of rounds that followed each other: what else the machine does changes by the minute."""
        return median(ours / theirs for ours, theirs in zip(self.rates, peer.rates, strict=True))

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s"


def in_turns(rounds: dict[str, Callable[[], tuple[float, str]]], times: int) -> dict[str, Measured]:
    found = {name: Measured([], []) for name in rounds}
    for turn in range(times):
        for name, round_of in rounds.items():
            rate, note = round_of()
            found[name].rates.append(rate)
            found[name].notes.append(note)
            print(f"  {turn + 1}/{times}  {name:<24} {rate:9,.1f}/s  {note}", flush=True)
    return found


def requests(ground: Ground, side: Side, seconds: float) -> Callable[[], tuple[float, str]]:
    """A round of load on a door that only stores."""
    load(side.port, side.path, count=int(PLENTY * seconds), seconds=seconds)  # off the clock

    def measure() -> tuple[float, str]:
        postgres = ground.postgres.pid() or 0
        before = cpu_seconds(*side.pids), cpu_seconds(postgres)
        answered = load(side.port, side.path, count=int(PLENTY * seconds), seconds=seconds)
        after = cpu_seconds(*side.pids), cpu_seconds(postgres)
        own, databases = (
            1000 * (b - a) / answered.requests for a, b in zip(before, after, strict=True)
        )
        return answered.rate, (
            f"p50 {answered.p50_ms:.1f} ms, p99 {answered.p99_ms:.1f} ms; CPU per request:"
            f" {own:.2f} ms + {databases:.2f} ms PostgreSQL;"
            f" client {answered.client_share:.0%} of a core"
        )

    return measure


def commits(ground: Ground, seconds: float) -> Callable[[], tuple[float, str]]:
    """What PostgreSQL does by itself: one row of the same size, one commit, again."""
    url = ground.database("commits")
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(
            "CREATE TABLE commits (id bigserial PRIMARY KEY, event_id text NOT NULL UNIQUE,"
            " body text NOT NULL, received_at timestamptz NOT NULL DEFAULT now())"
        )
    script = ground.folder / "commit.sql"
    body = json.dumps(event("payment_intent.succeeded", intent()))
    script.write_text(
        "INSERT INTO commits (event_id, body)"
        f" VALUES (gen_random_uuid()::text, '{body}') ON CONFLICT DO NOTHING;\n"
    )
    pgbench = Path(ground.postgres.command()[0]).with_name("pgbench")

    def measure() -> tuple[float, str]:
        command = [
            *(str(pgbench), "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}"),
            *(f"--time={max(1, round(seconds))}", f"--file={script}", url),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        assert rate, done.stdout
        return float(rate[1]), ""

    return measure
