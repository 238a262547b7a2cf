"""Items on pages: what is for sale, and the way back from the hosted page."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.test import Client

from billing.models import Payment, Purchase
from sessions_live.models import User
from tests.billing.buying import owned
from tests.billing.conftest import Shop, unfinished


def page_of(answer: Any) -> str:
    return str(answer.url).rsplit("/", 1)[-1]


def test_an_item_is_bought_on_the_hosted_page(shop: Shop, alice: User, browser: Client):
    assert "Neon skin" in browser.get("/items").content.decode()
    session_id = page_of(browser.post("/items/buy", {"item_id": "skin_neon", "quantity": 2}))
    waiting = browser.get("/items/return", {"session_id": session_id}).content.decode()
    assert "Not paid yet" in waiting
    shop.stripe.pay(session_id).raise_for_status()
    done = browser.get("/items/return", {"session_id": session_id}).content.decode()
    assert "Neon skin × 2 is yours" in done
    assert "$5.98" in browser.get("/items").content.decode()
    shop.hear()
    assert owned(shop, alice) == [("skin_neon", 2, 598)], unfinished()
    assert Payment.objects.get().description == "Neon skin × 2"


@pytest.mark.parametrize("seed", range(3))
def test_the_hosted_pages_news_may_come_in_any_order(
    shop: Shop, alice: User, browser: Client, seed: int
):
    shop.stripe.pay(
        page_of(browser.post("/items/buy", {"item_id": "tip", "amount": "7.50"}))
    ).raise_for_status()
    happened = shop.stripe.events() * 2
    random.Random(seed).shuffle(happened)
    shop.hear(*happened)
    assert owned(shop, alice) == [("tip", 1, 750)], unfinished()
    assert Payment.objects.count() == 1


@pytest.mark.parametrize(
    "choice",
    [
        {"item_id": "tip", "amount": "0.99"},
        {"item_id": "tip", "amount": "5.001"},
        {"item_id": "tip", "amount": "NaN"},
        {"item_id": "skin_neon", "quantity": "1000"},
        {"item_id": "nothing"},
    ],
)
def test_the_page_refuses_in_words(shop: Shop, browser: Client, choice: dict[str, str]):
    answer = browser.post("/items/buy", choice, follow=True)
    assert 'role="alert"' in answer.content.decode()
    assert not Purchase.objects.exists()


def test_a_strangers_return_page_is_none(shop: Shop, browser: Client, bob: User):
    session_id = page_of(browser.post("/items/buy", {"item_id": "tip", "amount": "5"}))
    stranger = Client()
    stranger.force_login(bob)
    assert stranger.get("/items/return", {"session_id": session_id}).status_code == 404


def test_a_visitor_signs_in_first(shop: Shop):
    answer = Client().post("/items/buy", {"item_id": "tip"})
    assert answer.headers["Location"] == "/sign-in?next=/items"
