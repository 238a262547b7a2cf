from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Nothing to make: DATABASE_URL names this process's own database, see tests/house.py."""
