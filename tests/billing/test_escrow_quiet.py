"""Payments into escrow that no webhook told of, and those that nobody pays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.sweeping import sweep
from billing.wallet.models import Escrow
from tests.billing.deal_pages import GOOD, Pages
from tests.billing.deals import balances


def grown_old(agreed: Escrow, **age: float) -> None:
    Escrow.objects.filter(pk=agreed.pk).update(
        created_at=timezone.now() - timedelta(**age), asked_at=None
    )


def begun(pages: Pages, way: str) -> Escrow:
    if way == "page":
        return pages.open()
    body = {"payee": pages.bob.email, "amount": 10_000, "currency": "usd"}
    opened = pages.shop.client(pages.alice).post("/api/v1/escrow-payments", body).json()
    return Escrow.objects.get(pk=opened["id"])


def paid(pages: Pages, agreed: Escrow) -> Any:
    if agreed.way == "page":
        return pages.pay(agreed)
    intent = agreed.client_secret.split("_secret_")[0]
    return pages.shop.stripe.control(f"payment_intents/{intent}/confirm", card=GOOD)


@pytest.mark.parametrize("way", ["page", "intent"])
def test_the_sweep_finds_what_no_webhook_told(pages: Pages, way: str):
    agreed = begun(pages, way)
    paid(pages, agreed).raise_for_status()
    assert sweep()["escrows_asked"] == 0
    grown_old(agreed, minutes=11)
    assert sweep()["escrows_asked"] == 1
    assert balances()[f"escrow:{agreed.pk}"] == 10_000
    assert "Payment secured" in pages.his_of(agreed)
    assert sweep()["escrows_asked"] == 0


def test_the_sweep_asks_about_each_once_an_hour(pages: Pages):
    agreed = pages.open()
    grown_old(agreed, minutes=11)
    assert [sweep()["escrows_asked"] for _ in range(2)] == [1, 0]
    Escrow.objects.update(asked_at=timezone.now() - timedelta(minutes=61))
    assert sweep()["escrows_asked"] == 1


@pytest.mark.parametrize("way", ["page", "intent"])
def test_what_nobody_pays_for_a_day_is_given_up_and_cannot_be_paid(pages: Pages, way: str):
    agreed = begun(pages, way)
    grown_old(agreed, hours=26)
    sweep()
    assert paid(pages, agreed).status_code == 400
    pages.shop.hear()
    assert "Not paid" in pages.hers_of(agreed)
    state = pages.shop.client(pages.alice).get(f"/api/v1/escrow-payments/{agreed.pk}").json()
    assert state["status"] == "canceled"
    assert balances() == {}


def test_while_the_provider_is_away_the_sweep_asks_about_the_others_too(pages: Pages):
    first, second = pages.open(), pages.open(description="Another")
    for each in (first, second):
        pages.pay(each).raise_for_status()
        grown_old(each, minutes=11)
    fault = {
        "match": f"GET /v1/checkout/sessions/{first.page_id}",
        **{"mode": "status", "status": 404, "times": 3},
    }
    pages.shop.stripe.control("faults", **fault).raise_for_status()
    assert sweep()["escrows_asked"] == 1
    assert Escrow.objects.get(held_at=None) == first
