from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import djstripe.migrations
import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

OURS = "config.settings"
THEIRS = "tests.billing.providers.djstripe_migrations_of_the_package"
SQUASHED = "0001_squashed_0003_2_11"
SCHEMA = {
    "columns": """
        SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision,
               numeric_scale, is_nullable, column_default, identity_generation
        FROM information_schema.columns WHERE table_schema = 'public'
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    """,
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "sequences": """
        SELECT sequencename, data_type::text, start_value, increment_by
        FROM pg_sequences WHERE schemaname = 'public'
    """,
}
Migrate = Callable[..., str]


# --- on every run ---------------------------------------------------------------------------------
def test_our_migration_replaces_each_one_of_the_package():
    folder = Path(djstripe.migrations.__file__).parent
    theirs = sorted(file.stem for file in folder.glob("[0-9]*.py"))
    module = import_module(f"{settings.MIGRATION_MODULES['djstripe']}.{SQUASHED}")
    assert module.Migration.replaces == [("djstripe", name) for name in theirs]


def test_nothing_in_the_packages_migrations_but_tables():
    """What would have to be carried over by hand: data, raw SQL, split states."""
    loader = MigrationLoader(None)
    ours = loader.disk_migrations["djstripe", SQUASHED].operations
    folder = Path(djstripe.migrations.__file__).parent
    theirs = [
        operation
        for file in sorted(folder.glob("[0-9]*.py"))
        for operation in import_module(f"djstripe.migrations.{file.stem}").Migration.operations
    ]
    special = {"RunPython", "RunSQL", "SeparateDatabaseAndState"}
    assert not special & {type(operation).__name__ for operation in [*ours, *theirs]}


@pytest.mark.django_db
def test_our_migration_makes_what_the_models_of_the_package_say():
    call_command("makemigrations", "djstripe", check=True, dry_run=True, verbosity=0)


# --- slow -----------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def scratch() -> Iterator[Callable[[], str]]:
    """Empty databases, gone after the last test here."""
    made: list[str] = []
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:

        def make() -> str:
            name = f"scratch_{os.getpid()}_{len(made)}"
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            made.append(name)
            return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()

        yield make
        for name in made:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            server.execute(drop)


def migrate(database: str, settings_module: str, *extra: str) -> str:
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": settings_module,
    }
    command = [sys.executable, "manage.py", "migrate", "djstripe", "--no-color", *extra]
    ran = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


def schema(database: str) -> dict[str, set[tuple[object, ...]]]:
    with psycopg.connect(database) as connection:
        return {name: set(connection.execute(query)) for name, query in SCHEMA.items()}


@pytest.fixture(scope="module")
def ours(scratch) -> tuple[str, float]:
    database = scratch()
    before = cpu_of_children()
    migrate(database, OURS)
    return database, cpu_of_children() - before


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def theirs(scratch) -> str:
    database = scratch()
    migrate(database, THEIRS)
    return database


@pytest.mark.scorecard
@pytest.mark.timeout(600)
def test_our_migration_makes_all_tables_with_ten_seconds_of_work(ours):
    assert ours[1] < 10


@pytest.mark.scorecard
@pytest.mark.timeout(600)
def test_both_make_the_same_columns_constraints_indexes_and_sequences(ours, theirs):
    here, there = schema(ours[0]), schema(theirs)
    assert len(here["columns"]) > 600
    for part in SCHEMA:
        assert here[part] == there[part], part


@pytest.mark.scorecard
@pytest.mark.timeout(600)
def test_either_accepts_the_database_that_the_other_made(ours, theirs):
    for database, settings_module in ((ours[0], THEIRS), (theirs, OURS)):
        before = schema(database)
        assert "No migrations to apply" in migrate(database, settings_module)
        assert "No planned migration operations" in migrate(database, settings_module, "--plan")
        assert schema(database) == before
