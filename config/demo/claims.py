"""What the demo needs for itself: its folder, and its port from the first moment to the last."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded import port_is_free


class DemoRefused(Exception):
    """One sentence on why the demo does not run."""


@contextmanager
def claimed_folder(folder: Path) -> Iterator[None]:
    with (folder / "demo.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DemoRefused(
                f"A demo runs in {folder} already (process {file.read()}):"
                " end it, or choose another folder with --data-dir."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def claimed_port(port: int) -> Iterator[socket.socket]:
    """One socket for all web processes: while one is replaced, its clients wait in the queue."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
            door.listen(2048)
        except OSError as refused:
            raise DemoRefused(
                f"Port {port} cannot be used ({refused.strerror}): choose another with --port."
            ) from None
        yield door


def refuse_used_port(port: int) -> None:
    if not port_is_free(port):
        raise DemoRefused(f"Port {port} is in use: choose another with --sandbox-port.")
