from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apikeys.keys import create_key, reveal
from apikeys.models import APIKey
from billing.entitlements import grant, revoke
from billing.models import Entitlement, Plan
from config.kit.ids import new_id
from config.kit.redis_client import redis_client
from sessions_live.models import User
from sessions_live.tokens import sign_in
from tests.billing.conftest import Shop, alice, bob, shop

__all__ = ["Shop", "alice", "bob", "shop"]

KEYS = "/api/v1/api-keys"


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    redis_client().flushdb()


@pytest.fixture
def plan(db: None) -> Plan:
    return Plan.objects.create(tier="pro", name="Pro")


@pytest.fixture
def owner(plan: Plan) -> User:
    """Somebody with a plan in force; nothing was bought for it."""
    return customer("owner@example.com", plan)


@pytest.fixture
def stranger(plan: Plan) -> User:
    return customer("stranger@example.com", plan)


@pytest.fixture
def secret(owner: User) -> str:
    """Of a key that can do what is usual."""
    return create_key(owner, name="Importer").secret


@pytest.fixture
def api(owner: User) -> APIClient:
    return signed_in(owner)


def customer(email: str, plan: Plan) -> User:
    user = User.objects.create_user(email)
    grant(user=user, plan=plan, source=f"order:{new_id()}")
    return user


def lose_access(user: User) -> None:
    for held in Entitlement.objects.filter(user=user):
        revoke(source=held.source, reason="unpaid")


def regain_access(user: User) -> None:
    for held in Entitlement.objects.filter(user=user):
        grant(user=user, plan=held.plan, source=held.source)


def bearer(secret: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}")


def signed_in(user: User) -> APIClient:
    return bearer(sign_in(user, ip=None, user_agent="tests").access)


def first_key(user: User) -> APIKey:
    return APIKey.objects.get(user=user, from_payment=True)


def revealed(user: User) -> str:
    return reveal(user, first_key(user).pk).secret


def works(secret: str) -> bool:
    return bearer(secret).get("/api/v1/me").status_code == 200


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def made(api: APIClient, **wish: Any) -> dict[str, Any]:
    answer = api.post(KEYS, {"name": "Importer", **wish})
    assert answer.status_code == 201, answer.json()
    key: dict[str, Any] = answer.json()
    return key
