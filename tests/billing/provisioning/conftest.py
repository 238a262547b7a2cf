from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.provisioning.models import Message
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.provisioning.receiver import Receiver

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    running = Receiver()
    settings.PROVISIONING_WEBHOOK_URL = running.url
    settings.PROVISIONING_WEBHOOK_SECRETS = [SECRET]
    settings.PROVISIONING_ALLOW_LOOPBACK = True
    yield running
    running.stop()


@pytest.fixture
def customer(receiver: Receiver, shop: Shop) -> User:
    """Alice, with a plan that nobody was told of yet."""
    alice = shop.person("alice@example.com")
    shop.buy(alice)
    shop.hear()
    return alice


def make_due(**fields: Any) -> None:
    """As if the pause before the next try were over."""
    now = timezone.now() - timedelta(seconds=1)
    Message.objects.filter(status="pending").update(next_attempt_at=now, **fields)
