"""The provider's own page for cards and cancellations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from billing.operations.models import Operation
from sessions_live.models import User
from tests.billing.conftest import Shop
from tests.billing.life import Life


@pytest.fixture
def life(shop: Shop, alice: User) -> Life:
    return Life(shop, alice)


def test_the_portal_opens_for_its_owner(life: Life):
    answer = life.api.post(
        "/api/v1/billing-portal-sessions", {"return_url": "http://localhost:8000/done"}
    )
    assert answer.status_code == 201, answer.json()
    assert answer.json().keys() == {"url"}
    page = life.shop.stripe.http.get(answer.json()["url"])
    assert life.user.email in page.text
    assert "http://localhost:8000/done" in page.text


def test_the_portal_leads_back_to_our_own_pages_alone(life: Life):
    answer = life.api.post(
        "/api/v1/billing-portal-sessions", {"return_url": "https://evil.example/"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "origin_not_allowed")


def test_the_same_key_opens_the_same_portal(life: Life):
    def ask(key: str, **body: Any) -> Any:
        headers = {"Idempotency-Key": key}
        return life.api.post("/api/v1/billing-portal-sessions", body, headers=headers)

    first = ask("a").json()
    assert ask("a").json() == first
    assert ask("b").json() != first
    assert ask("a", return_url="http://localhost:8000/x").status_code == 422
    stored = json.dumps(list(Operation.objects.values("provider_id", "wishes")))
    assert first["url"] not in stored


def test_a_cancellation_in_the_portal_is_followed(life: Life):
    url = life.api.post("/api/v1/billing-portal-sessions").json()["url"]
    form = {"action": "cancel", "subscription": life.row.provider_id}
    life.shop.stripe.http.post(url, data=form)
    life.hear()
    assert life.seen["cancel_at_period_end"] is True
