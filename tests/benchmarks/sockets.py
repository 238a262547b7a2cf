"""Everybody hears what one does: ours, and the seed's own socket.io server, in turns."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from statistics import median

from tests.benchmarks.fanout import Heard, crowd_of
from tests.benchmarks.ground import PYTHON, Ground, Program, free_port, our_environment
from tests.benchmarks.report import Row

PEER = Path(__file__).parent / "peers" / "socketio"
NUMBERS = (200, 1_000, 2_000)
GOAL_AT = 1_000
FLAGS = (
    *("--ws", "websockets-sansio", "--ws-max-size", "65536", "--ws-per-message-deflate", "false"),
    *("--ws-ping-interval", "10", "--ws-ping-timeout", "15", "--no-access-log"),
    *("--no-proxy-headers", "--log-level", "warning"),
)


def measure_sockets(ground: Ground, seconds: float, rounds: int) -> list[Row]:
    env = our_environment(
        ground.database("sockets"),
        ground.redis_url(),
        SOCKETS_PER_PERSON="10000",
        SOCKETS_PER_ADDRESS="10000",
        LOG_LEVEL="WARNING",
    )
    ground.run(PYTHON, "manage.py", "migrate", "--verbosity=0", env=env).until_done()
    made = ground.run(PYTHON, "-m", "tests.benchmarks.crowd_tokens", env=env)
    made.until_done()
    tokens = ground.folder / "tokens.json"
    tokens.write_text(made.log.read_text().splitlines()[-1])
    peer = _peer(ground)
    rows: list[Row] = []
    for number in NUMBERS:
        found: dict[str, list[Heard]] = {"ours": [], "socket.io": []}
        for _ in range(rounds):
            found["ours"].append(_round(_ours(ground, env), "ours", number, seconds, tokens))
            if peer:
                found["socket.io"].append(
                    _round(_theirs(ground, peer), "socketio", number, seconds, tokens)
                )
        rows += _compare(number, found["ours"], found["socket.io"])
    return rows


def _round(
    side: tuple[Program, int], kind: str, number: int, seconds: float, tokens: Path
) -> Heard:
    """Each in a fresh process, as memory once taken is not given back."""
    program, port = side
    try:
        heard = crowd_of(kind, port, number, seconds, program.pid, tokens)
    finally:
        program.stop()
    print(
        f"  {kind:<9} {number:5} sockets: {heard.deliveries:9,.0f} deliveries/s"
        f" (p99 {heard.busy_p99_ms:6.1f} ms), steady p50 {heard.steady_p50_ms:5.1f},"
        f" p99 {heard.steady_p99_ms:6.1f} ms, {heard.missed} missed,"
        f" {heard.memory_per_socket:5.1f} KiB each, {heard.server_cpu_us:4.1f} µs CPU a delivery,"
        f" client {heard.client_share:.0%} of a core"
    )
    return heard


def _ours(ground: Ground, env: dict[str, str]) -> tuple[Program, int]:
    port = free_port()
    command = (PYTHON, "-m", "uvicorn", "config.asgi:application", "--port", str(port), *FLAGS)
    # Empty of those who were online in the round before, and now go offline.
    fresh = {**env, "REDIS_URL": ground.redis_url()}
    return ground.run(*command, env=fresh).until_port(port), port


def _theirs(ground: Ground, folder: Path) -> tuple[Program, int]:
    port = free_port()
    env = {"NODE_ENV": "production", "PORT": str(port)}
    return ground.run("node", "server.js", env=env, cwd=folder).until_port(port), port


def _peer(ground: Ground) -> Path | None:
    if not shutil.which("node") or not shutil.which("npm"):
        return None
    folder = ground.folder / "socketio"
    shutil.copytree(PEER, folder, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if made.returncode:
        print(f"The socket.io peer is left out: {made.stderr.strip().splitlines()[-1:]}")
        return None
    return folder


def _compare(number: int, ours: list[Heard], theirs: list[Heard]) -> list[Row]:
    what = (
        ("deliveries/s", "deliveries", 0.5, False),
        ("p99, steady", "steady_p99_ms", 1.5, True),
        ("KiB a socket", "memory_per_socket", 1.0, True),
    )
    rows = []
    for name, field, goal, at_most in what:
        mine = median(getattr(each, field) for each in ours)
        peer = median(getattr(each, field) for each in theirs) if theirs else None
        rows.append(
            Row(
                f"{number:,} sockets: {name} against socket.io",
                f"{mine:,.1f}",
                f"{peer:,.1f}" if peer is not None else "not run: no node",
                mine / peer if peer else None,
                goal,
                at_most=at_most,
            )
        )
    return rows
