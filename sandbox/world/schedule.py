"""What happens when: each kind of object says when something is due, and what."""

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .rows import World

Due = Callable[[dict[str, Any], dict[str, Any]], int | None]
Act = Callable[["World", dict[str, Any]], None]

RULES: dict[str, tuple[Due, Act]] = {}


def scheduled(kind: str, due: Due) -> Callable[[Act], Act]:
    """Run the function on objects of a kind at the time that `due(body, notes)` names."""

    def register(act: Act) -> Act:
        assert kind not in RULES, f"two schedules for {kind}"
        RULES[kind] = (due, act)
        return act

    return register


class Schedule:
    def __init__(self) -> None:
        self.times: dict[str, int] = {}
        self.heap: list[tuple[int, str]] = []

    def plan(self, id_: str, kind: str, body: dict[str, Any], notes: dict[str, Any]) -> None:
        if kind not in RULES:
            return
        due = None if notes.get("deleted") else RULES[kind][0](body, notes)
        if due is None:
            self.times.pop(id_, None)
        elif self.times.get(id_) != due:
            self.times[id_] = due
            heapq.heappush(self.heap, (due, id_))

    def next(self, until: int) -> tuple[int, str] | None:
        """Take the earliest that is due. It is planned anew when its row is kept."""
        while self.heap and self.heap[0][0] <= until:
            due, id_ = heapq.heappop(self.heap)
            if self.times.get(id_) == due:
                del self.times[id_]
                return due, id_
        return None
