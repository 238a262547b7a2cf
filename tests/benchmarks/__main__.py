"""`python -m tests.benchmarks`: the goals that are built, as ratios within one run."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from config.embedded import EmbeddedRefused
from tests.benchmarks import end_to_end, ingest, sides
from tests.benchmarks.ground import Ground, ground
from tests.benchmarks.report import Row, table
from tests.benchmarks.sockets import measure_sockets
from tests.benchmarks.statements import COUNTABLE

PARTS = ("ingest", "effects", "statements", "sockets")
NOT_LINUX = "not counted: not Linux"
NO_NODE = "not run: no node"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="of each round of ingest")
    parser.add_argument("--events", type=int, default=2000, help="of each round end to end")
    parser.add_argument("--rounds", type=int, default=5, help="the median counts")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    return parser.parse_args()


def measure_ingest(here: Ground, node: Path | None, chosen: argparse.Namespace) -> list[Row]:
    doors = [sides.ours(here, with_worker=False), sides.djstripe_stock(here)]
    if node:
        doors.append(sides.express(here, node))
    rounds = {door.name: ingest.requests(here, door, chosen.seconds) for door in doors}
    rounds["PostgreSQL alone"] = ingest.commits(here, chosen.seconds)
    found = ingest.in_turns(rounds, chosen.rounds)
    return [
        compare("webhook ingest against dj-stripe's view", found, "dj-stripe", 20),
        compare("webhook ingest against Express + pg", found, "Express + pg", 1.2),
        compare("webhook ingest against PostgreSQL's commits", found, "PostgreSQL alone", 0.4),
    ]


def measure_effects(here: Ground, node: Path | None, chosen: argparse.Namespace) -> list[Row]:
    mine = sides.ours(here, with_worker=True)
    rounds = {mine.name: end_to_end.effects(here, mine, end_to_end.OURS, chosen.events)}
    if node:
        peer = sides.bull(here, node)
        rounds[peer.name] = end_to_end.effects(here, peer, end_to_end.PEERS, chosen.events)
    found = ingest.in_turns(rounds, chosen.rounds)
    return [compare("events end to end against Bull + pg", found, "Bull + pg", 1.3)]


def count_statements(here: Ground) -> list[Row]:
    ingested, processed = (
        "SQL statements to ingest an event",
        "SQL statements to process the dearest event",
    )
    if not COUNTABLE:
        return [
            Row(ingested, NOT_LINUX, "", None, 1, at_most=True),
            Row(processed, NOT_LINUX, "", None, 12, at_most=True),
        ]
    told = sides.statements(here)
    each = (told["full_batch"] - told["alone"]) / (told["batch"] - 1)
    shared = told["alone"] - each
    print(f"  shared by up to {told['batch']} events of a batch: {shared:.0f} statements")
    worst = 0
    for tier, costs in told["sales"].items():
        for kind, cost in costs.items():
            print(f"  {tier:<10} {kind:<34} {cost:3} statements alone in its batch")
            worst = max(worst, cost)
    in_a_batch = worst - shared + shared / told["batch"]
    costs = f"{in_a_batch:.1f} in a full batch, {worst} alone"
    return [
        Row(ingested, str(told["ingested"]), "", told["ingested"], 1, at_most=True),
        Row(processed, costs, "", in_a_batch, 12, at_most=True),
    ]


def compare(what: str, found: dict[str, ingest.Measured], peer: str, goal: float) -> Row:
    ours = found["ours"]
    if peer not in found:
        return Row(what, str(ours), NO_NODE, None, goal)
    return Row(what, str(ours), str(found[peer]), ours.ratio_to(found[peer]), goal)


def main() -> None:
    chosen = options()
    with ground() as here:
        node = sides.node_modules(here)
        rows: list[Row] = []
        if "ingest" in chosen.only:
            rows += measure_ingest(here, node, chosen)
        if "effects" in chosen.only:
            rows += measure_effects(here, node, chosen)
        if "statements" in chosen.only:
            rows += count_statements(here)
        if "sockets" in chosen.only:
            rows += measure_sockets(here, chosen.seconds, min(3, chosen.rounds))
    print("\n" + table(rows))


if __name__ == "__main__":
    # Whatever ends the run, what it started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        main()
    except EmbeddedRefused as refused:
        raise SystemExit(str(refused)) from None
