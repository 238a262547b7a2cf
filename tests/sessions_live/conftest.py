from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from config.kit.redis_client import redis_client
from sessions_live.models import User

PASSWORD = "four wandering geese"


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    redis_client().flushdb()


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice@example.com", PASSWORD, name="Alice")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob@example.com", PASSWORD)


@pytest.fixture
def carol(db: None) -> User:
    return User.objects.create_superuser("carol@example.com", PASSWORD)


@pytest.fixture
def api() -> APIClient:
    return APIClient()


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=False)


@pytest.fixture
def sign_in(api: APIClient) -> Callable[..., dict[str, str]]:
    def sign_in(email: str, password: str = PASSWORD) -> dict[str, str]:
        answer = api.post("/api/v1/auth/token", {"email": email, "password": password})
        assert answer.status_code == 200, answer.content
        return answer.json()

    return sign_in


def bearer(access: str) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {access}"})
