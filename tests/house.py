"""The ground under every test: servers, environment and a database of its own for each process.

Loaded by `-p tests.house`, before pytest-django reads the settings. Several runs may share the
checkout: they share the servers too, and the last one to leave stops them. Every process that runs
tests holds a slot; the slot names its database, its Redis database and nobody else's.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import sql
from xdist.scheduler import LoadScopeScheduling

from config.embedded import EmbeddedRefused, Postgres, Redis, free_port
from config.env import Environment
from config.fingerprint import ROOT, fingerprint, what_tables_are_made_from

HOME = ROOT / ".local" / "test"
SLOTS = 64
ABOUT_THE_PRODUCT = (
    "tests/journeys/",
    "tests/scorecard/",
    "tests/browser/",
    "tests/config/test_demo.py",
)
# What its tests share is dear to set up: none of these is taken apart.
TOGETHER = (
    "tests/billing/providers/test_djstripe_migrations.py",
    "tests/sandbox/test_recordings.py",
    "tests/sessions_live/test_served.py",
    "tests/billing/usage/test_answers.py",
    "tests/billing/usage/test_answers_to_callers.py",
    "tests/billing/usage/test_answers_over_http.py",
)
# What takes a while begins first, so that no process is left with it when the others are done.
LONG = (
    "tests/billing/test_every_order.py",
    "tests/billing/test_currencies.py",
    "tests/billing/providers/test_mirror.py",
    "tests/billing/providers/test_mirror_admin.py",
    "tests/billing/wallet/test_machine.py",
    "tests/apikeys/test_guessing.py",
)
SERVER = "HOUSE_DATABASE_SERVER"
TEMPLATE = "HOUSE_TEMPLATE"
REDIS_SERVER = "HOUSE_REDIS_SERVER"
ENVIRONMENT = {
    "ENV_FILE": "",
    "SECRET_KEY": "only-for-tests-" + "0123456789" * 4,
    "HTTPS": "false",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "FRONTEND_URLS": "http://127.0.0.1:8000,http://localhost:8000,http://testserver",
    "STRIPE_SECRET_KEY": "sk_test_house0123456789abcdefghijklm",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_house0123456789abcdefghijklm",
    "STRIPE_WEBHOOK_SECRET": "whsec_house0123456789abcdefghijklm",
    "REGISTRATIONS_PER_MINUTE": "10000",
    "SIGN_INS_PER_MINUTE": "10000",
    "RECONCILE_CALLS_PER_SECOND": "100",
    "LOG_LEVEL": "WARNING",
}
# A lock lives as long as its file is open.
held: list[IO[str]] = []


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        try:
            open_house()
        except EmbeddedRefused as refused:
            raise pytest.UsageError(str(refused)) from None
        if getattr(early_config.known_args_namespace, "numprocesses", None):
            prepare_environment(database="postgres", redis_number=0)
            return (yield)
    move_in()
    return (yield)


class ProductInOneProcess(LoadScopeScheduling):
    """The product is a dozen processes: one process of the tests runs it, not each of them."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ABOUT_THE_PRODUCT):
            return "product"
        file, _, _ = nodeid.partition("::")
        return file if file in TOGETHER else nodeid


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ProductInOneProcess:
    return ProductInOneProcess(config, log)


def open_house() -> None:
    """In the process that was called: servers that run and a migrated template."""
    # A run starts a hundred processes, each of which would compile the product anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    HOME.mkdir(parents=True, exist_ok=True)
    with locked("door"):
        in_use = hold("in-use", fcntl.LOCK_SH)
        postgres, redis_server = servers()
        database = os.environ.get("DATABASE_URL")
        if not database:
            postgres.start()
            database = postgres.url()
        queue = os.environ.get("REDIS_URL")
        if not queue:
            redis_server.start()
            queue = redis_server.url()
        os.environ.update({SERVER: database, REDIS_SERVER: queue, TEMPLATE: template_name()})
        build_template()
    atexit.register(leave_house, in_use, os.getpid())


def leave_house(in_use: IO[str], opened_by: int) -> None:
    if os.getpid() != opened_by:
        return
    with locked("door"):
        try:
            fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        tidy_databases()
        for server in servers():
            server.stop()


def servers() -> tuple[Postgres, Redis]:
    return Postgres(HOME / "postgres", durable=False), Redis(HOME / "redis", durable=False)


def move_in() -> None:
    """In each process that runs tests: a slot, an empty database, and the environment for it."""
    slot = claim_slot()
    name = f"test_slot{slot}"
    with psycopg.connect(os.environ[SERVER], autocommit=True) as server:
        server.execute(drop(name))
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(os.environ[TEMPLATE])
            )
        )
    prepare_environment(database=name, redis_number=slot)
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as mine:
        mine.flushdb()


def prepare_environment(*, database: str, redis_number: int) -> None:
    for name in Environment.model_fields:
        os.environ.pop(name.upper(), None)
    os.environ.update(
        ENVIRONMENT,
        DATABASE_URL=urlsplit(os.environ[SERVER])._replace(path=f"/{database}").geturl(),
        REDIS_URL=urlsplit(os.environ[REDIS_SERVER])._replace(path=f"/{redis_number}").geturl(),
        STRIPE_API_BASE=f"http://127.0.0.1:{free_port()}",
    )


def claim_slot() -> int:
    for slot in range(1, SLOTS):
        try:
            hold(f"slot{slot}", fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return slot
    raise pytest.UsageError(f"More than {SLOTS - 1} test processes at once in this checkout.")


def template_name() -> str:
    return f"template_{fingerprint(what_tables_are_made_from())}"


def build_template() -> None:
    name = os.environ[TEMPLATE]
    with psycopg.connect(os.environ[SERVER], autocommit=True) as server:
        known = "SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate"
        if server.execute(known, [name]).fetchone():
            return
        server.execute(drop(name))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        kept = dict(os.environ)
        prepare_environment(database=name, redis_number=0)
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        migrated = subprocess.run(migrate, cwd=ROOT, capture_output=True, text=True)
        os.environ.clear()
        os.environ.update(kept)
        if migrated.returncode:
            raise pytest.UsageError(f"The migrations do not run:\n{migrated.stderr[-3000:]}")
        # The mark is set last, so that an interrupted build is made again.
        server.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(sql.Identifier(name)))


def tidy_databases() -> None:
    with psycopg.connect(os.environ[SERVER], autocommit=True) as server:
        query = (
            r"SELECT datname FROM pg_database WHERE datname ~ '^(test_slot\d+|template_\w{16})$'"
        )
        for (name,) in server.execute(query).fetchall():
            if name == os.environ[TEMPLATE]:
                continue
            unmark = sql.SQL("ALTER DATABASE {} IS_TEMPLATE false")
            server.execute(unmark.format(sql.Identifier(name)))
            server.execute(drop(name))


def drop(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))


def hold(name: str, how: int) -> IO[str]:
    file = (HOME / f"{name}.lock").open("w")
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        file.close()
        raise
    held.append(file)
    return file


@contextmanager
def locked(name: str) -> Iterator[None]:
    with (HOME / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
