"""Many random lives from one number, and what is shown of one that differs from the reference: the
steps that it needs for that, and no others."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from billing import bookkeeping
from tests.billing.conftest import Shop
from tests.billing.wallet.machine import House, Life
from tests.billing.wallet.reference import Held
from tests.billing.wallet.steps import begin, take_step

# How long is spent on finding the shortest life that still differs.
PATIENCE = 60.0


@dataclass
class Lives:
    whole: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[int] = field(default_factory=Counter)

    @property
    def refusals(self) -> int:
        return sum(count for status, count in self.outcomes.items() if status >= 400)


def live(shop: Shop, *, lives: int, steps: int, first: int) -> Lives:
    """The same first number makes the same lives."""
    house, lived = House(shop), Lives()
    for number in range(lives):
        seeds = [f"{first}:{number}:{step}" for step in range(steps)]
        differs = live_once(house, seeds, lived)
        if differs:
            raise AssertionError(f"{shortest(house, seeds) or differs}\n(life {number} of {first})")
        lived.whole += 1
    proof = bookkeeping.verify()
    assert proof["ok"], proof
    return lived


def live_once(house: House, seeds: list[str], lived: Lives) -> str:
    """Each step draws from its own seed, so that it stays what it is without the others. What
    differs, after which story; empty where nothing does."""
    life = Life(house)
    try:
        start(life)
        for seed in seeds:
            lived.steps[take_step(life, Random(seed))] += 1
            life.check()
        life.end()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is what is looked for
        return "\n".join([*life.story, f"{type(error).__name__}: {error}"])
    lived.outcomes += life.outcomes
    return ""


def start(life: Life) -> None:
    """With something in escrow and in wallets, so that few steps are spent on refusals."""
    for payer, currency in enumerate(("usd", "usd", "kwd")):
        amount = 20_000 if currency == "kwd" else 2_000
        escrow = begin(life, Held(payer, (payer + 1) % 3, amount, currency, 1_000))
        life.do(life.hear(life.bank.pays(escrow, life.ids[escrow])))
    life.check()


def shortest(house: House, seeds: list[str]) -> str:
    """The story of a life that differs and has as few of these steps as are found in time."""
    until, story, size = time.monotonic() + PATIENCE, "", len(seeds)
    while size and time.monotonic() < until:
        for at in range(len(seeds) - size, -1, -size):
            without = seeds[:at] + seeds[at + size :]
            if time.monotonic() < until and (differs := live_once(house, without, Lives())):
                seeds, story = without, differs
        size //= 2
    return story
