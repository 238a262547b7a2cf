"""The table that a run prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    what: str
    ours: str
    peer: str
    ratio: float | None
    goal: float
    at_most: bool = False

    def cells(self) -> tuple[str, ...]:
        sign = "≤" if self.at_most else "≥"
        ratio = "–" if self.ratio is None else f"{self.ratio:.2f}"
        return (self.what, self.ours, self.peer, ratio, f"{sign} {self.goal:g}", self.verdict())

    def verdict(self) -> str:
        if self.ratio is None:
            return "not run"
        if self.ratio <= self.goal if self.at_most else self.ratio >= self.goal:
            return "met"
        return f"missed by {abs(self.ratio / self.goal - 1):.0%}"


def table(rows: list[Row]) -> str:
    head = ("what", "ours", "peer", "ratio", "goal", "")
    body = [head, *(row.cells() for row in rows)]
    widths = [max(len(cells[at]) for cells in body) for at in range(len(head))]
    lines = [_line(cells, widths) for cells in body]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"
