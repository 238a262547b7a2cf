"""Paying into escrow through the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from billing.models import Payment
from billing.operations.models import Operation
from billing.sweeping import sweep
from billing.wallet.models import Escrow
from tests.billing.deals import DECLINED, URL, Deal, balances, right


def test_money_is_held_then_released_less_the_fee(deal: Deal):
    opened = deal.ask().json()
    assert {"id", "client_secret", "amount", "currency", "status"} <= opened.keys()
    assert (opened["status"], opened["amount"], opened["currency"]) == ("pending", 10_000, "usd")
    deal.pay(opened["id"])
    deal.shop.hear()
    assert deal.state(opened["id"])["status"] == "held"
    assert balances() == {"stripe:clearing": -10_000, f"escrow:{opened['id']}": 10_000}
    assert (deal.wallet()["available_balance"], deal.wallet()["pending_balance"]) == (0, 9_000)
    assert deal.release(opened["id"]).json()["status"] == "released"
    assert (deal.wallet()["available_balance"], deal.wallet()["pending_balance"]) == (9_000, 0)
    assert balances() == {
        "stripe:clearing": -10_000,
        f"wallet:{deal.bob.pk}": 9_000,
        "fees:platform": 1_000,
    }
    assert Payment.objects.get(pk=opened["id"]).status == "released"
    assert right()


def test_every_event_again_and_backwards_holds_it_once(deal: Deal):
    escrow_id = deal.hold()
    deal.shop.hear()
    deal.shop.hear(*deal.shop.stripe.events()[::-1])
    assert balances() == {"stripe:clearing": -10_000, f"escrow:{escrow_id}": 10_000}


@pytest.mark.parametrize("paid_first", [True, False])
def test_an_answer_that_was_lost_is_found_and_nothing_is_opened_twice(deal: Deal, paid_first: bool):
    deal.ask()  # whoever pays is known there, so that the next call is the escrow's
    lost = {"match": "POST /v1/payment_intents", "mode": "reset_after", "times": 2}
    deal.shop.stripe.control("faults", **lost).raise_for_status()
    assert deal.ask(2_000, key="one").status_code in (502, 503)
    intent = deal.shop.stripe.get("payment_intents")["data"][0]
    agreed = Escrow.objects.get(amount=2_000)
    assert agreed.client_secret == ""
    if paid_first:
        deal.shop.stripe.control(f"payment_intents/{intent['id']}/confirm", card="4242424242424242")
        deal.shop.hear()
        assert deal.state(str(agreed.pk))["status"] == "held"
    Operation.objects.update(due_at=timezone.now())
    sweep()
    answer = deal.ask(2_000, key="one")
    assert answer.json()["client_secret"] == intent["client_secret"]
    assert answer.json()["status"] == ("held" if paid_first else "pending")
    assert len(deal.shop.stripe.get("payment_intents")["data"]) == 2


def test_its_payer_who_looks_before_any_webhook_came_sees_it_held(deal: Deal):
    escrow_id = deal.open()
    deal.pay(escrow_id)
    assert deal.his.get(f"{URL}/{escrow_id}").json()["status"] == "pending"
    assert deal.state(escrow_id)["status"] == "held"
    deal.shop.hear()
    assert balances() == {"stripe:clearing": -10_000, f"escrow:{escrow_id}": 10_000}


def test_while_the_provider_is_away_its_payer_sees_what_is_known(deal: Deal):
    escrow_id = deal.open()
    fault = {"match": "GET /v1/payment_intents", "mode": "status", "status": 500, "times": 9}
    deal.shop.stripe.control("faults", **fault)
    assert deal.state(escrow_id)["status"] == "pending"


def test_a_declined_card_leaves_it_open_for_another_one(deal: Deal):
    escrow_id = deal.open()
    deal.pay(escrow_id, DECLINED)
    deal.shop.hear()
    assert deal.state(escrow_id)["status"] == "failed"
    assert deal.state(escrow_id)["client_secret"]
    assert balances() == {}
    deal.pay(escrow_id)
    deal.shop.hear()
    assert deal.state(escrow_id)["status"] == "held"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"payee": "nobody@example.com"}, "payee"),
        ({"payee": "alice@example.com"}, "payee"),
        ({"payee": "no address"}, "payee"),
        ({"amount": 49}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 10**30}, "amount"),
        ({"amount": 10.5}, "amount"),
        ({"amount": "many"}, "amount"),
        ({"currency": "xxx"}, "currency"),
        ({"currency": "USD"}, "currency"),
        ({"currency": "kwd", "amount": 1_001}, "amount"),
        ({"platform_fee": 0}, "platform_fee"),
    ],
)
def test_a_bad_wish_is_refused_by_its_field_and_stripe_is_not_asked(
    deal: Deal, body: dict[str, Any], field: str
):
    answer = deal.ask(**body)
    assert answer.status_code == 400
    assert [each["attr"] for each in answer.json()["errors"]] == [field]
    assert not Escrow.objects.exists()
    assert not [each for each in deal.shop.stripe.requests() if "intents" in each["path"]]


def test_the_same_key_gives_the_same_escrow_and_another_body_is_refused(deal: Deal):
    first, second = deal.ask(key="one"), deal.ask(key="one")
    assert first.json() == second.json()
    assert deal.ask(10_001, key="one").status_code == 422
    assert len(deal.shop.stripe.get("payment_intents")["data"]) == 1


def test_only_its_two_sides_see_it_and_only_the_payer_sees_the_secret(deal: Deal):
    escrow_id = deal.open()
    stranger = deal.shop.client(deal.shop.person())
    assert deal.hers.get(URL).json()["results"][0]["client_secret"]
    assert deal.his.get(URL).json()["results"][0]["client_secret"] is None
    assert deal.his.get(f"{URL}/{escrow_id}").json()["client_secret"] is None
    assert stranger.get(URL).json()["results"] == []
    assert stranger.get(f"{URL}/{escrow_id}").status_code == 404
    assert stranger.post(f"{URL}/{escrow_id}/release").status_code == 404
