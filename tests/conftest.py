from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.stand_in import StandIn


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Nothing to make: DATABASE_URL names this process's own database, see tests/house.py."""


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[StandIn]:
    stand_in = StandIn(os.environ["STRIPE_API_BASE"], os.environ["STRIPE_SECRET_KEY"])
    yield stand_in
    stand_in.stop()


@pytest.fixture
def sandbox(sandbox_process: StandIn) -> StandIn:
    """Stripe's stand-in, empty."""
    sandbox_process.control("reset")
    return sandbox_process
