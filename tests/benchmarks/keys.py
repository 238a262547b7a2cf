"""`python -m tests.benchmarks.keys`: what an API key costs a request beside a sign-in's token.

Both ask the same door in turns, within one process and without a server in between, whose time
would only make the difference look smaller.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from config.embedded import EmbeddedRefused
from config.fingerprint import ROOT
from tests.benchmarks.ground import PYTHON, ground, our_environment
from tests.benchmarks.report import Row, table
from tests.benchmarks.statements import COUNTABLE, counted

PATH = "/api/v1/entitlements"
# Asks nothing of the database itself: what is counted there is the credential's.
PROFILE = "/api/v1/me"
TOKEN, KEY, MADE_UP = "a token", "an API key", "a made-up key"
WARM_UP = 200
Ask = Callable[[str, str], str]


def furnish() -> dict[str, str]:
    """Somebody who bought a plan: their token, their key, and a key of nobody's."""
    from django.core.management import call_command

    from apikeys.keys import create_key
    from billing.entitlements import grant
    from billing.models import Plan
    from config.kit.ids import new_id
    from sessions_live.models import User
    from sessions_live.tokens import sign_in

    call_command("migrate", verbosity=0)
    # More than the run asks, so that it counts each request and refuses none.
    plan = Plan.objects.create(tier="pro", name="Pro", requests_per_minute=1_000_000)
    user = User.objects.create_user("benchmark@example.com")
    grant(user=user, plan=plan, source=f"order:{new_id()}")
    return {
        TOKEN: sign_in(user, ip=None, user_agent="benchmark").access,
        KEY: create_key(user, name="benchmark").secret,
        MADE_UP: f"sk_{'0' * 64}",
    }


def door() -> Ask:
    from config.wsgi import application

    def ask(path: str, credential: str) -> str:
        told: list[str] = []
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_AUTHORIZATION": f"Bearer {credential}",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }

        def start(status: str, *_: Any) -> Callable[[bytes], Any]:
            told.append(status)
            return sys.stderr.buffer.write

        answer = application(environ, start)
        list(answer)
        answer.close()  # type: ignore[attr-defined]
        return told[0][:3]

    return ask


def statements(ask: Ask, credential: str) -> int:
    """A request gives its connection back; with a pool of one it is the same one next time."""
    from django.db import connection

    if not COUNTABLE:
        raise SystemExit("Statements are counted on Linux only.")
    connection.ensure_connection()
    postgres = connection.connection
    connection.close()
    with counted(postgres) as asked:
        ask(PROFILE, credential)
    return len(asked)


def inside(requests: int) -> dict[str, Any]:
    import django

    django.setup()
    credentials = furnish()
    ask = door()
    wanted = {TOKEN: "200", KEY: "200", MADE_UP: "401"}
    took: dict[str, list[float]] = {who: [] for who in credentials}
    for turn in range(WARM_UP + requests):
        for who, credential in credentials.items():
            before = time.perf_counter()
            status = ask(PATH, credential)
            spent = time.perf_counter() - before
            assert status == wanted[who], f"{who}: {status}"
            if turn >= WARM_UP:
                took[who].append(spent)
    return {
        "milliseconds": {who: 1000 * median(times) for who, times in took.items()},
        "statements": {who: statements(ask, each) for who, each in credentials.items()},
    }


def measure(requests: int) -> list[Row]:
    with ground() as here:
        env = our_environment(
            here.database("keys"), here.redis_url(), DATABASE_POOL_SIZE="1", LOG_LEVEL="ERROR"
        )
        command = [PYTHON, "-m", "tests.benchmarks.keys", "--inside", "--requests", str(requests)]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE, check=True
        )
    told = json.loads(done.stdout.splitlines()[-1])
    cost, asked = told["milliseconds"], told["statements"]
    words = {who: f"{each:.2f} ms" for who, each in cost.items()}
    ratio = cost[KEY] / cost[TOKEN]
    counts = {who: str(each) for who, each in asked.items()}
    return [
        Row("a request with a key", words[KEY], words[TOKEN], ratio, 1.15, at_most=True),
        Row("statements for a key", counts[KEY], counts[TOKEN], asked[KEY], 1, at_most=True),
        Row("statements for a made-up key", counts[MADE_UP], "", asked[MADE_UP], 0, at_most=True),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.keys", description=__doc__)
    parser.add_argument("--requests", type=int, default=3000, help="with each credential")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        print(json.dumps(inside(chosen.requests)))
    else:
        print("\n" + table(measure(chosen.requests)))


if __name__ == "__main__":
    # Whatever ends the run, what it started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        main()
    except EmbeddedRefused as refused:
        raise SystemExit(str(refused)) from None
