"""The objects, and one unit of work at a time over them: all of it is kept, or none."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import Missing, StripeError
from sandbox.world.copies import packed, unpacked

from .ids import new_id
from .schedule import Schedule
from .skeletons import skeleton
from .storage import Storage

Obj = dict[str, Any]


@dataclass(slots=True)
class Row:
    """An object as the API shows it, and notes that it does not show."""

    id: str
    number: int
    kind: str
    account: str | None
    body: Obj
    notes: dict[str, Any]

    def packed(self) -> bytes:
        return packed((self.body, self.notes))


@dataclass(slots=True)
class Cause:
    """What made the present change: a request, or (without an id) the clock or a person."""

    request_id: str | None = None
    idempotency_key: str | None = None
    base_url: str = ""
    account: str | None = None


@dataclass(slots=True)
class World:
    base_url: str = "http://127.0.0.1:12111"
    storage: Storage | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    kinds: dict[str, dict[str, Row]] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)
    cause: Cause = field(default_factory=Cause)
    offset: int = 0
    # Clock runs set this, so that what fell due carries the time at which it did.
    moment: int | None = None
    # Deliveries made by the present unit of work, handed over once it is kept.
    outbox: list[str] = field(default_factory=list)
    on_commit: Callable[[list[str]], None] | None = None
    _number: int = 0
    _before: dict[str, bytes | None] = field(default_factory=dict)

    def load(self) -> None:
        for id_, number, kind, account, body, notes in self.storage.load() if self.storage else ():
            self._place(Row(id_, number, kind, account, body, notes))
            self._number = max(self._number, number)
        if clock := self.rows.get("_clock"):
            self.offset = clock.body["offset"]

    def reset(self) -> None:
        self.rows.clear()
        self.kinds.clear()
        self.schedule = Schedule()
        self.offset, self._number = 0, 0
        self._before.clear()
        self.outbox.clear()
        if self.storage:
            self.storage.clear()

    # -- time

    def now(self) -> int:
        return self.moment if self.moment is not None else int(time.time()) + self.offset

    def set_offset(self, offset: int) -> None:
        self.offset = offset
        if "_clock" not in self.rows:
            self.add({"id": "_clock", "object": "_clock"})
        self.body("_clock")["offset"] = offset

    def link(self, path: str) -> str:
        """An address of a page of this sandbox, as the one who asks sees it."""
        return f"{self.cause.base_url or self.base_url}{path}"

    # -- objects

    def new(self, kind: str, **fields: Any) -> Obj:
        """A complete object that is not kept yet."""
        body = skeleton(kind)
        body["id"] = fields.pop("id", None) or new_id(kind)
        if "created" in body:
            body["created"] = self.now()
        if "livemode" in body:
            body["livemode"] = False
        body.update(fields)
        return body

    def add(self, body: Obj, **notes: Any) -> Obj:
        self._number += 1
        row = Row(body["id"], self._number, body["object"], self.cause.account, body, notes)
        self._before.setdefault(row.id, None)
        self._place(row)
        return body

    def create(self, kind: str, **fields: Any) -> Obj:
        return self.add(self.new(kind, **fields))

    def remove(self, id_: str) -> None:
        """Forget a row. For the sandbox's own records; API objects are marked deleted."""
        self._touch(self.rows[id_])
        self._unplace(self.rows[id_])

    def body(self, id_: str) -> Obj:
        return self._touch(self.rows[id_]).body

    def notes(self, id_: str) -> dict[str, Any]:
        return self._touch(self.rows[id_]).notes

    def find(self, kind: str, id_: str | None) -> Obj | None:
        row = self.rows.get(id_ or "")
        if row is None or row.kind != kind or row.notes.get("deleted"):
            return None
        return self._touch(row).body

    def get(self, kind: str, id_: str, param: str | None = None, in_url: bool = False) -> Obj:
        found = self.find(kind, id_)
        if found is None:
            raise Missing(kind, id_, param, in_url)
        return found

    def peek(self, kind: str) -> Iterator[Row]:
        """Rows to look at only, oldest first: changing these would go unnoticed."""
        for row in self.kinds.get(kind, {}).values():
            if not row.notes.get("deleted"):
                yield row

    def select(self, kind: str, **equal: Any) -> list[Obj]:
        wanted = equal.items()
        return [
            self._touch(row).body
            for row in list(self.peek(kind))
            if all(row.body.get(name) == value for name, value in wanted)
        ]

    # -- one unit of work

    @contextmanager
    def work(self, cause: Cause | None = None) -> Iterator[None]:
        """Keep what happens inside, or undo it all when it is refused."""
        self.cause = cause or Cause()
        self._before.clear()
        self.outbox.clear()
        try:
            yield
        except StripeError as error:
            self.commit() if error.keeps_changes else self.undo()
            raise
        except BaseException:
            self.undo()
            raise
        self.commit()

    def commit(self) -> None:
        changed, gone = [], []
        for id_, before in self._before.items():
            row = self.rows.get(id_)
            if row is None:
                gone.append(id_)
                continue
            self.schedule.plan(row.id, row.kind, row.body, row.notes)
            if self.storage and row.packed() != before:
                changed.append((id_, row.number, row.kind, row.account, row.body, row.notes))
        if self.storage and (changed or gone):
            self.storage.write(changed, gone)
        self._before.clear()
        outbox, self.outbox = self.outbox, []
        if outbox and self.on_commit:
            self.on_commit(outbox)

    def undo(self) -> None:
        for id_, before in self._before.items():
            row = self.rows.get(id_)
            if before is None:
                if row:
                    self._unplace(row)
            elif row:
                row.body, row.notes = unpacked(before)
        self._before.clear()
        self.outbox.clear()

    def _touch(self, row: Row) -> Row:
        if row.id not in self._before:
            self._before[row.id] = row.packed()
        return row

    def _place(self, row: Row) -> None:
        self.rows[row.id] = row
        self.kinds.setdefault(row.kind, {})[row.id] = row
        self.schedule.plan(row.id, row.kind, row.body, row.notes)

    def _unplace(self, row: Row) -> None:
        self.rows.pop(row.id, None)
        self.kinds.get(row.kind, {}).pop(row.id, None)
