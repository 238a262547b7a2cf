"""R36 for keys: how long a refusal takes does not tell why."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.keys import create_key
from apikeys.minting import mint
from apikeys.models import APIKey
from billing.entitlements import grant
from billing.models import Plan
from config.kit.ids import new_id
from sessions_live.models import User

pytestmark = [pytest.mark.scorecard, pytest.mark.django_db]

PAIRS = 2000
LARGEST_DIFFERENCE = 0.001


def refused_keys() -> dict[str, str]:
    """One of each kind that costs a look into the database."""
    plan = Plan.objects.create(tier="pro", name="Pro")
    kinds = {"unknown": mint()}
    changes: dict[str, dict[str, Any]] = {
        "revoked": {"status": "revoked"},
        "suspended": {"status": "suspended"},
        "run out": {"expires_at": timezone.now() - timedelta(days=1)},
    }
    for kind, change in changes.items():
        user = User.objects.create_user(f"{len(kinds)}@example.com")
        grant(user=user, plan=plan, source=f"order:{new_id()}")
        shown = create_key(user, name=kind)
        APIKey.objects.filter(pk=shown.key.pk).update(**change)
        kinds[kind] = shown.secret
    return kinds


def timed(keys: dict[str, str]) -> Iterator[tuple[str, float]]:
    api, order = APIClient(), random.Random(36)
    for _ in range(PAIRS):
        for kind in order.sample(sorted(keys), len(keys)):
            header, before = f"Bearer {keys[kind]}", time.perf_counter()
            answer = api.get("/api/v1/entitlements", HTTP_AUTHORIZATION=header)
            yield kind, time.perf_counter() - before
            assert answer.status_code == 401


@pytest.mark.timeout(600)
def test_the_time_of_a_refusal_does_not_tell_why():
    # A key whose checksum is wrong is refused sooner, and anyone can compute a checksum.
    keys = refused_keys()
    took: dict[str, list[float]] = {kind: [] for kind in keys}
    for kind, seconds in timed(keys):
        took[kind].append(seconds)
    medians = {kind: median(times) for kind, times in took.items()}
    spread = max(medians.values()) - min(medians.values())
    told = ", ".join(f"{kind} {1000 * each:.3f} ms" for kind, each in medians.items())
    print(f"R36 keys: {told}; largest difference {1e6 * spread:.0f} µs (limit 1,000)")
    assert spread < LARGEST_DIFFERENCE
