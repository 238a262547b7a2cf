"""A few lives for every change; two hundred are in the scorecard (R13)."""

from __future__ import annotations

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.billing.conftest import Shop
from tests.billing.wallet.machine import MoneyMachine


def live(shop: Shop, *, lives: int, steps: int, begin: int) -> list[int]:
    """The same beginning makes the same lives. How many steps each had."""
    MoneyMachine.shop, MoneyMachine.lives = shop, []
    run_state_machine_as_test(
        seed(begin)(MoneyMachine),
        settings=settings(
            max_examples=lives,
            # How each begins is a step, too.
            stateful_step_count=steps + 1,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    return MoneyMachine.lives


def test_the_books_and_the_reference_never_differ(shop: Shop):
    live(shop, lives=6, steps=20, begin=6)
