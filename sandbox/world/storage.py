"""Keeping rows in an SQLite file, so that a killed sandbox comes back as it was."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

_TABLE = """
CREATE TABLE IF NOT EXISTS object (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, kind TEXT NOT NULL, account TEXT,
    body TEXT NOT NULL, notes TEXT NOT NULL
)"""
_WRITE = (
    "INSERT OR REPLACE INTO object (id, number, kind, account, body, notes) VALUES (?,?,?,?,?,?)"
)

Record = tuple[str, int, str, str | None, dict[str, Any], dict[str, Any]]


class Storage:
    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode=WAL")
        # A process that is killed loses nothing this way; only a machine without power could.
        self.connection.execute("PRAGMA synchronous=NORMAL")
        self.connection.execute(_TABLE)

    def load(self) -> Iterator[Record]:
        rows = self.connection.execute(
            "SELECT id, number, kind, account, body, notes FROM object ORDER BY number"
        )
        for id_, number, kind, account, body, notes in rows:
            yield id_, number, kind, account, json.loads(body), json.loads(notes)

    def write(self, records: Iterable[Record], gone: Iterable[str]) -> None:
        with self.connection:
            self.connection.executemany(
                _WRITE, [(*r[:4], json.dumps(r[4]), json.dumps(r[5])) for r in records]
            )
            self.connection.executemany("DELETE FROM object WHERE id = ?", [(id_,) for id_ in gone])

    def clear(self) -> None:
        with self.connection:
            self.connection.execute("DELETE FROM object")
