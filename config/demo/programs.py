"""The programs that the product consists of, as command lines."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from config.demo.options import Options
from config.demo.supervisor import Program
from config.embedded import Postgres, Server
from config.fingerprint import ROOT

CELERY = ("-m", "celery", "-A", "config.celery")


def server(each: Server) -> Program:
    # PostgreSQL would take SIGTERM as a wish to wait for its clients.
    orphaned = signal.SIGQUIT if isinstance(each, Postgres) else signal.SIGTERM
    return Program(
        name=each.name.lower(),
        role=each.name.lower(),
        command=each.command(),
        env=os.environ,
        stop_signal=each.stop_signal,
        orphan_signal=orphaned,
        how=each.run_as(),
    )


def sandbox(options: Options, env: Mapping[str, str], folder: Path) -> Program:
    secret, connect_secret = env["STRIPE_WEBHOOK_SECRET"].split(",")
    webhook = f"http://127.0.0.1:{options.port}/webhooks/stripe"
    command = (
        *("-m", "sandbox", "--port", str(options.sandbox_port)),
        *("--data", str(folder / "sandbox.sqlite3")),
        *("--stripe-webhook", webhook, "--stripe-webhook-secret", secret),
        *("--connect-webhook", webhook, "--connect-webhook-secret", connect_secret),
    )
    return _python("sandbox", "sandbox", *command, env=env)


def furnish(options: Options, env: Mapping[str, str]) -> Program:
    return _python("furnish", "step", "-m", "config.demo.furnish", options.catalog, env=env)


def web(number: int, env: Mapping[str, str], door: int) -> Program:
    command = (
        *("-m", "uvicorn", "config.asgi:application", "--fd", str(door)),
        *("--ws", "websockets-sansio", "--no-access-log", "--timeout-graceful-shutdown", "2"),
        *("--ws-max-size", "65536", "--ws-per-message-deflate", "false"),
        *("--ws-ping-interval", "10", "--ws-ping-timeout", "15"),
        # No proxy stands before the demo, so nobody's word on a client's address counts.
        "--no-proxy-headers",
    )
    return _python(f"web-{number}", "web", *command, env=env, pass_fds=(door,))


def worker(number: int, env: Mapping[str, str]) -> Program:
    name = f"worker-{number}"
    command = (
        *(*CELERY, "worker", "--hostname", f"{name}@%h", "--pool", "threads"),
        *("--concurrency", "4", "--without-mingle", "--without-gossip"),
    )
    return _python(name, "worker", *command, env=env)


def beat(env: Mapping[str, str], folder: Path) -> Program:
    schedule = ("--schedule", str(folder / "beat-schedule"), "--pidfile=")
    return _python("beat", "beat", *CELERY, "beat", *schedule, env=env)


def _python(
    name: str, role: str, *arguments: str, env: Mapping[str, str], **how: object
) -> Program:
    surroundings = {**os.environ, **env, "PYTHONUNBUFFERED": "1"}
    return Program(name, role, (sys.executable, *arguments), surroundings, how={"cwd": ROOT, **how})
