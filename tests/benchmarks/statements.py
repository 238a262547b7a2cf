"""What PostgreSQL is asked for, read from the wire: BEGIN, SAVEPOINT and COMMIT count too."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

# A prepared statement is sent as Bind and Execute, a plain one as Query.
ASKED = {"Query", "Execute"}
COUNTABLE = sys.platform == "linux"  # libpq traces nowhere else


@dataclass
class Asked:
    statements: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.statements)


@contextmanager
def counted(postgres: psycopg.Connection) -> Iterator[Asked]:
    """What is asked over this connection; known when the block has ended."""
    asked = Asked()
    with tempfile.TemporaryFile("r+") as wire:
        postgres.pgconn.trace(wire.fileno())
        try:
            yield asked
        finally:
            postgres.pgconn.untrace()
            wire.seek(0)
            for line in wire:
                # time, direction, length, message, its content
                message = line.rstrip("\n").split("\t", 4)
                if len(message) > 4 and message[1] == "F" and message[3] in ASKED:
                    asked.statements.append(message[4].strip())
