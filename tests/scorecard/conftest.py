"""The reliability scorecard: what it prints, and whose events its checks send."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import pytest

from tests.product import Person, Product
from tests.scorecard.crowd import Crowd


class Score:
    """The lines that a check adds to the card: what was measured, beside what was promised."""

    def __init__(self, check: str) -> None:
        self.check = check
        self.began = time.monotonic()
        self.lines: list[str] = []

    def holds(self, what: str, figure: Any, *, at_most: Any = None, exactly: Any = None) -> None:
        kept = figure == exactly if at_most is None else figure <= at_most
        limit = f"= {exactly}" if at_most is None else f"<= {at_most}"
        shown = f"{figure:.2f}" if isinstance(figure, float) else str(figure)
        seconds = time.monotonic() - self.began
        verdict = "" if kept else "  MISSED"
        self.lines.append(
            f"{self.check}  {what:<48} {shown:>10} {limit:>10} {seconds:8.1f}{verdict}"
        )

    def told(self, what: str, figure: Any) -> None:
        """What promises nothing, but belongs to the figures: a seed, a count."""
        seconds = time.monotonic() - self.began
        self.lines.append(f"{self.check}  {what:<48} {figure!s:>10} {'':>10} {seconds:8.1f}")


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Score:
    return Score(request.node.name.split("_")[1].upper())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, None, None]:
    """All lines are taken before the check fails, so that a miss shows beside its neighbours."""
    try:
        yield
    finally:
        score = item.funcargs.get("score")
        lines = score.lines if isinstance(score, Score) else []
        item.user_properties += [("scorecard", line) for line in lines]
    missed = [line for line in lines if line.endswith("MISSED")]
    assert not missed, "\n".join(missed)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for those in terminalreporter.stats.values() for report in those]
    told = [line for each in reports for name, line in getattr(each, "user_properties", ())]
    if not told:
        return
    terminalreporter.section("scorecard")
    terminalreporter.write_line(f"{'':5}{'check':<48} {'figure':>10} {'limit':>10} {'seconds':>8}")
    for line in dict.fromkeys(told):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def crowd(running_product: Product) -> Crowd:
    return Crowd(running_product)


@pytest.fixture
def passer_by(product: Product) -> Person:
    """Somebody who shops while the house has its troubles."""
    return product.person()
