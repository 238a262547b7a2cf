from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from billing.catalogue import read_catalog, store_catalog
from billing.models import Plan
from billing.usage import quotas
from billing.usage.models import Counter, UsageEvent
from sessions_live.models import User
from sessions_live.tokens import sign_in
from tests.billing.conftest import Shop
from tests.billing.usage.doors import DOORS, Asker, Door, open_door

CATALOG = Path(__file__).with_name("meters.toml")


class Meters(Shop):
    """People with quotas; nothing is sold here, so no provider is there."""

    def __init__(self) -> None:
        store_catalog(read_catalog(CATALOG))

    def put_on(self, user: User, tier: str, **told: Any) -> None:
        """As the plans' side does it."""
        assert not tier or Plan.objects.filter(tier=tier).exists()
        with transaction.atomic():
            quotas.override(quotas.hold(user.pk), told.pop("overrides", {}))
            quotas.allow(user.pk, tier=tier, **{"anchor": None, "expires_at": None, **told})

    def use(self, user: User, usage_type: str = "entry", **told: Any) -> Any:
        return self.client(user).post("/api/v1/usage", {"usage_type": usage_type, **told})

    def used(self, user: User, usage_type: str = "entry") -> int:
        counters = Counter.objects.filter(user=user, usage_type=usage_type)
        return sum(counters.values_list("used", flat=True))


def counted(user: User) -> int:
    """What the events say; the counters say the same."""
    return sum(UsageEvent.objects.filter(user=user).values_list("amount", flat=True))


@pytest.fixture
def meters(transactional_db: None) -> Meters:
    return Meters()


@pytest.fixture
def alice(meters: Meters) -> User:
    return meters.person("alice@example.com")


@pytest.fixture
def bob(meters: Meters) -> User:
    return meters.person("bob@example.com")


@pytest.fixture(scope="session", params=DOORS)
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    with open_door(request.param) as opened:
        yield opened


@pytest.fixture
def asker(door: Door, alice: User) -> Asker:
    return Asker(door, sign_in(alice, ip=None, user_agent="tests").access)
