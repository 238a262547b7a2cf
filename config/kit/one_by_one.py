"""Going through many things, so that a fault of ours in one does not hold up those after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Apart = Callable[[str], AbstractContextManager[None]]


@contextmanager
def one_by_one() -> Iterator[Apart]:
    """Each is done inside `apart`, with its name; what went wrong in any of them is raised together
    when all have had their turn."""
    faults: list[Exception] = []

    @contextmanager
    def apart(name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it is raised below
            error.add_note(name)
            faults.append(error)

    try:
        yield apart
    finally:
        if faults:
            raise ExceptionGroup("when all had had their turn", faults)
