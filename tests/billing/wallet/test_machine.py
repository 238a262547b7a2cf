"""A few lives for every change; two hundred are in the scorecard (R13)."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.billing.conftest import Shop
from tests.billing.wallet.machine import MoneyMachine


def live(shop: Shop, *, lives: int, steps: int) -> None:
    MoneyMachine.shop = shop
    run_state_machine_as_test(
        MoneyMachine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_the_books_and_the_reference_never_differ(shop: Shop):
    live(shop, lives=4, steps=15)
