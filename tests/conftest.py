from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from pytest_django import DjangoDbBlocker

from tests.emptying import empty_quickly
from tests.product import Product
from tests.stand_in import OwnStandIn, StandIn


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> None:
    """The hasher of the product, without its slowness: a test needs somebody who can sign in, not a
    hash that resists a thief for years. The processes of the whole product keep theirs."""
    Argon2PasswordHasher.time_cost = 1
    Argon2PasswordHasher.memory_cost = 8
    Argon2PasswordHasher.parallelism = 1


@pytest.fixture(scope="session", autouse=True)
def _clients_without_a_look_at_all_files() -> None:
    """Each test client makes WhiteNoise anew, which would read every static file there is."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> None:
    """Nothing to make: DATABASE_URL names this process's own database, see tests/house.py."""
    with django_db_blocker.unblock():
        empty_quickly()


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[OwnStandIn]:
    stand_in = OwnStandIn(os.environ["STRIPE_API_BASE"], os.environ["STRIPE_SECRET_KEY"])
    yield stand_in
    stand_in.stop()


@pytest.fixture
def sandbox(sandbox_process: OwnStandIn) -> StandIn:
    """Stripe's stand-in, empty; and nobody remembers that it was down for an earlier test."""
    from billing.providers.stripe.hurry import breaker

    sandbox_process.control("reset")
    breaker.close()
    return sandbox_process


@pytest.fixture(scope="session")
def running_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("product"))
    yield running
    running.stop()


@pytest.fixture
def product(running_product: Product) -> Iterator[Product]:
    """The whole product; in order again after whatever a test did to it."""
    yield running_product
    running_product.stripe.control("deliveries", mode="normal")
    running_product.wait_until_ready()
