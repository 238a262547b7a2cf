from __future__ import annotations

from collections.abc import Iterator

import pytest

from .desk import CONNECT_SECRET, SECRET, Desk, Receiver, start_process


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def desk_of_process(receiver: Receiver) -> Iterator[Desk]:
    process, url = start_process(
        *("--stripe-webhook", receiver.url, "--stripe-webhook-secret", SECRET),
        *("--connect-webhook", receiver.connect_url, "--connect-webhook-secret", CONNECT_SECRET),
    )
    yield Desk(url, receiver)
    process.terminate()
    assert process.wait(20) == 0


@pytest.fixture
def desk(desk_of_process: Desk) -> Desk:
    """A desk whose sandbox is empty."""
    desk_of_process.control("reset")
    desk_of_process.receiver.came.clear()
    desk_of_process.receiver.answers.clear()
    return desk_of_process
