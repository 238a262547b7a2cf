"""Ours and the peers, started and ready for load."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from config.embedded import free_port
from tests.benchmarks.events import CUSTOMERS, intent
from tests.benchmarks.ground import (
    KEY,
    PYTHON,
    SECRET,
    Ground,
    our_environment,
)
from tests.benchmarks.load import CLIENTS

PEERS = Path(__file__).parent / "peers"
EXPRESS = PEERS / "express"
# Each side gets as many connections as there are clients.
POOL = str(CLIENTS)


@dataclass
class Side:
    """A door that takes webhooks, with all its processes."""

    name: str
    port: int
    path: str
    pids: tuple[int, ...]
    database_url: str


def ours(ground: Ground, *, with_worker: bool) -> Side:
    database = "ours_with_worker" if with_worker else "ours"
    env = our_environment(ground.database(database), ground.redis_url(), DATABASE_POOL_SIZE=POOL)
    ground.run(PYTHON, "-m", "tests.benchmarks.furnish", env=env).until_done()
    port = free_port()
    door = granian(ground, "config.wsgi:application", port, env)
    pids = [door]
    if with_worker:
        worker = ground.run(
            *(PYTHON, "-m", "celery", "-A", "config.celery", "worker", "--pool", "threads"),
            *("--concurrency", "4", "--without-mingle", "--without-gossip", "--loglevel", "INFO"),
            env=env,
        )
        pids.append(worker.until_it_says(" ready.").pid)
    return Side("ours", port, "/webhooks/stripe", tuple(pids), env["DATABASE_URL"])


def statements(ground: Ground) -> Any:
    """What counting.py tells, of the product and the sandbox."""
    port = free_port()
    env = our_environment(
        ground.database("counting"),
        ground.redis_url(),
        STRIPE_API_BASE=f"http://127.0.0.1:{port}",
        LOG_LEVEL="ERROR",
    )
    ground.run(PYTHON, "-m", "tests.benchmarks.furnish", env=env).until_done()
    ground.run(PYTHON, "-m", "sandbox", "--port", str(port), env={}).until_port(port)
    counting = ground.run(PYTHON, "-m", "tests.benchmarks.counting", env=env)
    counting.until_done()
    return json.loads(counting.log.read_text().splitlines()[-1])  # after what libraries say


def djstripe_stock(ground: Ground) -> Side:
    stub_port, port, endpoint = free_port(), free_port(), str(uuid4())
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.peers.djstripe_stock.settings",
        "DATABASE_URL": ground.database("djstripe_stock"),
        "POOL": POOL,
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_API_BASE": f"http://127.0.0.1:{stub_port}",
        "ENDPOINT": endpoint,
        "INTENT": json.dumps(intent()),
    }
    room = "tests.benchmarks.peers.djstripe_stock"
    ground.run(PYTHON, "-m", f"{room}.prepare", env=env).until_done()
    stub = ground.run(
        PYTHON, "-m", f"{room}.stripe_stub", env={**env, "PORT": str(stub_port)}
    ).until_port(stub_port)
    assert stub.pid
    door = granian(ground, f"{room}.wsgi:application", port, env)
    path = f"/stripe/webhook/{endpoint}/"
    return Side("dj-stripe", port, path, (door,), env["DATABASE_URL"])


def granian(ground: Ground, target: str, port: int, env: dict[str, str]) -> int:
    command = (
        *(PYTHON, "-m", "granian", target, "--interface", "wsgi", "--workers", "1"),
        *("--port", str(port), "--no-ws", "--log-level", "warning"),
    )
    return ground.run(*command, env=env).until_port(port).pid


def node_modules(ground: Ground) -> Path | None:
    """The peer's folder with what it needs, or None where there is no Node."""
    if not shutil.which("node") or not shutil.which("npm"):
        return None
    folder = ground.folder / "express"
    shutil.copytree(EXPRESS, folder, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ)
    if made.returncode:
        print(f"The Node peers are left out: {made.stderr.strip().splitlines()[-1:]}")
        return None
    return folder


def express(ground: Ground, folder: Path) -> Side:
    env = peer_environment(ground, "express")
    door = ground.run("node", "door.js", env=env, cwd=folder).until_port(int(env["PORT"]))
    return Side("Express + pg", int(env["PORT"]), "/webhook", (door.pid,), env["DATABASE_URL"])


def bull(ground: Ground, folder: Path) -> Side:
    env = peer_environment(ground, "bull")
    door = ground.run("node", "queue_door.js", env=env, cwd=folder).until_port(int(env["PORT"]))
    worker = ground.run("node", "queue_worker.js", env=env, cwd=folder).until_it_says("ready")
    pids = (door.pid, worker.pid)
    return Side("Bull + pg", int(env["PORT"]), "/webhook", pids, env["DATABASE_URL"])


def peer_environment(ground: Ground, name: str) -> dict[str, str]:
    env = {
        "NODE_ENV": "production",
        "PORT": str(free_port()),
        "POOL": POOL,
        "DATABASE_URL": ground.database(name),
        "REDIS_URL": ground.redis_url(),
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_WEBHOOK_SECRET": SECRET,
    }
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as database:
        database.execute((EXPRESS / "tables.sql").read_bytes())
        with database.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO customers VALUES (%s, %s)",
                [(customer, number) for number, customer in enumerate(CUSTOMERS)],
            )
    return env
