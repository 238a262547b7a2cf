from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from config.kit.redis_client import absence, redis_client


@pytest.fixture
def empty_redis() -> None:
    redis_client().flushdb()


@pytest.fixture(params=["down", "hung"])
def absent_redis(request: pytest.FixtureRequest, settings) -> Iterator[None]:
    """A port where nobody listens, or one where somebody accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        if request.param == "down":
            server.shutdown(socket.SHUT_RDWR)
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        redis_client.cache_clear()
        absence.ends()
        yield
    redis_client.cache_clear()
    absence.ends()
