"""Items: what they cost, who has bought them, and every way that the news of it comes."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from django.db import connection
from django.utils import timezone

from billing import sweeping
from billing.models import Item, Payment, Purchase
from sessions_live.models import User
from tests.billing.buying import ask, confirm, look, owned
from tests.billing.conftest import Shop, unfinished


# --- buying ---------------------------------------------------------------------------------------
def test_an_item_is_paid_at_the_catalogues_price_and_owned(shop: Shop, alice: User):
    answer = ask(shop, alice, quantity=3)
    assert answer.status_code == 201, answer.json()
    begun = answer.json()
    assert begun == {
        "id": ANY,
        "client_secret": ANY,
        "amount": 897,
        "currency": "usd",
        "status": "requires_payment_method",
        "publishable_key": "pk_test_house0123456789abcdefghijklm",
        "payment_method": "",
    }
    at_stripe = shop.stripe.get(f"payment_intents/{begun['id']}")
    assert begun["client_secret"] == at_stripe["client_secret"]
    confirm(shop, begun["id"]).raise_for_status()
    shop.hear()
    assert owned(shop, alice) == [("skin_neon", 3, 897)], unfinished()
    (payment,) = shop.client(alice).get("/api/v1/payments").json()["results"]
    assert (payment["status"], payment["amount"], payment["tier"]) == ("succeeded", 897, "")
    assert payment["description"] == "Neon skin × 3"


def test_the_state_is_true_before_the_webhook_comes(shop: Shop, alice: User):
    intent_id = ask(shop, alice).json()["id"]
    assert look(shop, alice, intent_id).json()["status"] == "requires_payment_method"
    confirm(shop, intent_id).raise_for_status()
    seen = look(shop, alice, intent_id).json()
    assert (seen["id"], seen["status"], seen["amount"]) == (intent_id, "succeeded", 299)
    assert (seen["metadata"]["item_id"], seen["metadata"]["quantity"]) == ("skin_neon", "1")
    assert owned(shop, alice) == [("skin_neon", 1, 299)]
    shop.hear()
    assert owned(shop, alice) == [("skin_neon", 1, 299)], unfinished()
    assert Payment.objects.count() == 1


def test_what_was_declined_can_be_paid_with_another_card(shop: Shop, alice: User):
    intent_id = ask(shop, alice).json()["id"]
    assert confirm(shop, intent_id, "4000000000000002").status_code == 402
    assert look(shop, alice, intent_id).json()["status"] == "requires_payment_method"
    assert Payment.objects.get().status == "failed"
    assert owned(shop, alice) == []
    confirm(shop, intent_id).raise_for_status()
    shop.hear()
    assert owned(shop, alice) == [("skin_neon", 1, 299)], unfinished()
    assert [each.succeeded for each in Payment.objects.get().attempts.all()] == [False, True]


@pytest.mark.parametrize("seed", range(4))
def test_the_news_may_come_in_any_order_and_twice(shop: Shop, alice: User, seed: int):
    intent_id = ask(shop, alice).json()["id"]
    confirm(shop, intent_id, "4000000000000002")
    confirm(shop, intent_id).raise_for_status()
    happened = shop.stripe.events() * 2
    random.Random(seed).shuffle(happened)
    shop.hear(*happened)
    assert owned(shop, alice) == [("skin_neon", 1, 299)], unfinished()
    assert (Payment.objects.get().status, unfinished()) == ("succeeded", [])


def test_a_canceled_intent_gives_nothing(shop: Shop, alice: User):
    intent_id = ask(shop, alice).json()["id"]
    shop.stripe.stripe.post(f"/v1/payment_intents/{intent_id}/cancel").raise_for_status()
    shop.hear()
    assert look(shop, alice, intent_id).json()["status"] == "canceled"
    assert (Purchase.objects.get().status, owned(shop, alice)) == ("canceled", [])


# --- what may be asked ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"item_id": "unknown"}, "item_id"),
        ({"item_id": "skin_neon", "amount": 1}, "amount"),
        ({"item_id": "tip", "amount": 99}, "amount"),
        ({"item_id": "tip", "amount": 20_001}, "amount"),
        ({"item_id": "tip", "amount": 500, "quantity": 2}, "quantity"),
        ({"item_id": "skin_neon", "quantity": 0}, "quantity"),
        ({"item_id": "skin_neon", "quantity": 101}, "quantity"),
        ({"item_id": "skin_neon", "quantity": 10**30}, "quantity"),
        ({"item_id": "skin_neon", "price": 1}, "price"),
        ({"item_id": "skin_neon", "user_id": 1}, "user_id"),
    ],
)
def test_what_is_not_for_sale_like_this_is_refused(
    shop: Shop, alice: User, body: dict[str, Any], where: str
):
    answer = ask(shop, alice, **body)
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [where]
    assert not Purchase.objects.exists()


def test_who_may_choose_the_amount_pays_it(shop: Shop, alice: User):
    assert ask(shop, alice, "tip", amount=20_000).json()["amount"] == 20_000
    assert ask(shop, alice, "tip").json()["amount"] == 500


def test_more_than_a_payment_can_be_is_refused(shop: Shop, alice: User):
    Item.objects.filter(slug="skin_neon").update(amount=1_000_000)
    assert ask(shop, alice, quantity=99).json()["amount"] == 99_000_000
    answer = ask(shop, alice, quantity=100)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "amount_too_large")


def test_an_item_that_is_no_longer_sold_cannot_be_bought(shop: Shop, alice: User):
    Item.objects.filter(slug="skin_neon").update(active=False)
    assert ask(shop, alice).status_code == 400


def test_a_strangers_payment_looks_like_none(shop: Shop, alice: User, bob: User):
    intent_id = ask(shop, alice).json()["id"]
    foreign, unknown = look(shop, bob, intent_id), look(shop, bob, "pi_unknown")
    assert (foreign.status_code, foreign.json()) == (404, unknown.json())


def test_a_payment_named_after_a_strangers_purchase_gives_it_to_nobody(
    shop: Shop, alice: User, bob: User
):
    """Metadata can be edited at the provider; the customer who paid decides."""
    ask(shop, alice)
    intent_id = ask(shop, bob).json()["id"]
    shop.stripe.stripe.post(
        f"/v1/payment_intents/{intent_id}",
        data={"metadata[purchase_id]": str(Purchase.objects.get(user=alice).pk)},
    ).raise_for_status()
    confirm(shop, intent_id).raise_for_status()
    shop.hear()
    assert owned(shop, alice) == []
    assert Payment.objects.get().user == bob


# --- once -----------------------------------------------------------------------------------------
def test_the_same_key_gives_the_same_answer(shop: Shop, alice: User, bob: User):
    first, again = ask(shop, alice, key="k1"), ask(shop, alice, key="k1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert ask(shop, alice, key="k1", quantity=2).status_code == 422
    assert ask(shop, bob, key="k1").json()["id"] != first.json()["id"]


def test_the_same_answer_also_after_it_was_paid(shop: Shop, alice: User):
    first = ask(shop, alice, key="k1").json()
    confirm(shop, first["id"]).raise_for_status()
    shop.hear()
    assert ask(shop, alice, key="k1").json() == first


def test_a_lost_answer_is_found_again_by_its_key(shop: Shop, alice: User):
    shop.stripe.control("faults", match="POST /v1/payment_intents", mode="reset_after", times=2)
    assert ask(shop, alice, key="k1").status_code == 502
    answer = ask(shop, alice, key="k1")
    assert answer.status_code == 201
    assert [each["id"] for each in shop.stripe.get("payment_intents")["data"]] == [
        answer.json()["id"]
    ]


def test_two_at_once_with_one_key_are_one_purchase(shop: Shop, alice: User):
    ask(shop, alice, "tip")
    answers = []

    def press() -> None:
        answers.append(ask(shop, alice, key="k1"))
        connection.close()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert Purchase.objects.filter(idempotency_key="k1").count() == 1


def test_a_webhook_before_our_note_of_the_answer_still_counts(shop: Shop, alice: User):
    intent_id = ask(shop, alice).json()["id"]
    confirm(shop, intent_id).raise_for_status()
    Purchase.objects.update(provider_id=None, client_secret="", first_status="")
    shop.hear()
    assert owned(shop, alice) == [("skin_neon", 1, 299)], unfinished()
    assert look(shop, alice, intent_id).json()["status"] == "succeeded"


# --- what was forgotten ---------------------------------------------------------------------------
def test_the_sweep_finds_what_no_webhook_told_of(shop: Shop, alice: User):
    confirm(shop, ask(shop, alice).json()["id"]).raise_for_status()
    assert sweeping.sweep()["purchases_asked"] == 0
    Purchase.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    assert sweeping.sweep()["purchases_asked"] == 1
    assert owned(shop, alice) == [("skin_neon", 1, 299)]


def test_what_is_never_paid_is_given_up_after_a_day(shop: Shop, alice: User):
    intent_id = ask(shop, alice).json()["id"]
    Purchase.objects.update(created_at=timezone.now() - timedelta(hours=26))
    sweeping.sweep()
    assert Purchase.objects.get().status == "canceled"
    assert shop.stripe.get(f"payment_intents/{intent_id}")["status"] == "canceled"
