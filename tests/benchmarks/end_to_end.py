"""From the first request to the last effect committed."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from tests.benchmarks.ground import Ground, cpu_seconds
from tests.benchmarks.load import load
from tests.benchmarks.sides import Side

OURS = "SELECT count(*) FROM webhooks_webhookevent WHERE status = 'processed'"
PATIENCE = 300
PEERS = "SELECT count(*) FROM attempts"


def effects(
    ground: Ground, side: Side, how_many_done: str, count: int
) -> Callable[[], tuple[float, str]]:
    def measure(count: int = count) -> tuple[float, str]:
        postgres = ground.postgres.pid() or 0
        with psycopg.connect(side.database_url, autocommit=True) as database:

            def done() -> int:
                row = database.execute(how_many_done).fetchone()
                return int(row[0]) if row else 0

            wanted = done() + count
            before = cpu_seconds(*side.pids), cpu_seconds(postgres)
            answered = load(side.port, side.path, count=count)
            while done() < wanted:
                if time.time() - answered.started_at > PATIENCE:
                    raise SystemExit(f"{side.name}: {wanted - done()} events took no effect")
                time.sleep(0.05)
            spent = time.time() - answered.started_at
        after = cpu_seconds(*side.pids), cpu_seconds(postgres)
        own, databases = (1000 * (b - a) / count for a, b in zip(before, after, strict=True))
        return count / spent, (
            f"all taken after {answered.seconds:.1f} s, all in effect after {spent:.1f} s;"
            f" CPU per event: {own:.2f} ms + {databases:.2f} ms PostgreSQL"
        )

    measure(count // 6)  # the first of everything, off the clock
    return measure
