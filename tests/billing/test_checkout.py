from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from billing.models import Entitlement, Order, Payment, Subscription
from billing.webhooks import inbox
from sessions_live.models import User
from tests.billing.conftest import Shop, unfinished
from tests.stripe_events import deliver

PRO = {
    "payments": [("succeeded", 9700, "usd", "pro")],
    "subscriptions": [("active", "pro")],
    "entitlements": ["pro"],
}


def test_a_paid_checkout_gives_the_plan(shop: Shop, alice: User):
    session_id = shop.buy(alice)
    shop.hear()
    assert shop.holdings(alice) == PRO, unfinished()
    seen = shop.look_back(alice, session_id).json()
    assert (seen["status"], seen["payment_status"]) == ("complete", "paid")
    assert (seen["tier"], seen["amount"], seen["currency"]) == ("pro", 9700, "usd")
    assert seen["subscription"]["status"] == "active"


def test_the_return_page_need_not_wait_for_the_webhook(shop: Shop, alice: User):
    session_id = shop.buy(alice)
    seen = shop.look_back(alice, session_id).json()
    assert seen["subscription"]["status"] == "active"
    assert shop.holdings(alice) == PRO
    shop.hear()
    assert shop.holdings(alice) == PRO, unfinished()


def test_the_webhook_and_the_return_page_at_once_do_it_once(shop: Shop, alice: User):
    session_id = shop.buy(alice)
    happened = shop.stripe.events()
    for each in happened:
        deliver(each)

    def worker() -> None:
        inbox.drain()
        connection.close()

    def returned() -> None:
        assert shop.look_back(alice, session_id).status_code == 200
        connection.close()

    threads = [threading.Thread(target=each) for each in (worker, returned, worker, returned)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    inbox.drain()
    assert shop.holdings(alice) == PRO, unfinished()


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_the_events_ends_the_same(shop: Shop, alice: User, seed: int):
    shop.buy(alice)
    happened = shop.stripe.events() * 2
    random.Random(seed).shuffle(happened)
    shop.hear(*happened)
    assert shop.holdings(alice) == PRO, unfinished()
    assert Order.objects.get().status == "completed"


def test_nothing_is_given_before_it_is_paid(shop: Shop, alice: User):
    session_id = shop.checkout(alice)
    shop.hear()
    assert shop.look_back(alice, session_id).json()["status"] == "open"
    assert shop.holdings(alice) == {"payments": [], "subscriptions": [], "entitlements": []}


def test_a_declined_card_gives_nothing_and_is_told(shop: Shop, alice: User):
    session_id = shop.checkout(alice)
    assert shop.stripe.pay(session_id, "4000000000000002").status_code == 402
    shop.hear()
    payment = Payment.objects.get()
    assert (payment.status, payment.failure_code) == ("failed", "generic_decline")
    assert payment.attempts.get().message == "Your card was declined."
    assert not Entitlement.objects.exists()


def test_after_a_declined_card_another_one_pays(shop: Shop, alice: User):
    session_id = shop.checkout(alice)
    shop.stripe.pay(session_id, "4000000000000002")
    shop.stripe.pay(session_id).raise_for_status()
    shop.hear()
    assert shop.holdings(alice)["entitlements"] == ["pro"], unfinished()
    assert Payment.objects.filter(status="succeeded").count() == 1


def test_three_d_secure_gives_the_plan_only_after_it(shop: Shop, alice: User):
    session_id = shop.checkout(alice)
    asked = shop.stripe.pay(session_id, "4000002500003155").json()
    assert asked["requires_action"] is True
    shop.hear()
    assert not Entitlement.objects.exists()
    shop.stripe.pay(session_id, "4000002500003155", authenticate=True).raise_for_status()
    shop.hear()
    assert shop.holdings(alice)["entitlements"] == ["pro"], unfinished()


def test_a_plan_for_life_is_paid_once_and_kept(shop: Shop, alice: User):
    shop.buy(alice, "lifetime")
    shop.hear()
    assert shop.holdings(alice) == {
        "payments": [("succeeded", 800000, "usd", "lifetime")],
        "subscriptions": [],
        "entitlements": ["lifetime"],
    }, unfinished()


@pytest.mark.parametrize("seed", range(6))
def test_a_plan_for_life_in_any_order(shop: Shop, alice: User, seed: int):
    shop.buy(alice, "lifetime")
    happened = shop.stripe.events() * 2
    random.Random(seed).shuffle(happened)
    shop.hear(*happened)
    assert shop.holdings(alice)["entitlements"] == ["lifetime"], unfinished()
    assert Payment.objects.count() == 1


def test_a_trial_starts_without_a_payment_and_only_once(shop: Shop, alice: User):
    shop.open("pain_tracker")
    session_id = shop.buy(alice, "basic", interval="year")
    seen = shop.look_back(alice, session_id).json()
    assert seen["payment_status"] == "no_payment_required"
    assert seen["subscription"]["status"] == "trialing"
    shop.hear()
    assert shop.holdings(alice) == {
        "payments": [],
        "subscriptions": [("trialing", "basic")],
        "entitlements": ["basic"],
    }, unfinished()
    Subscription.objects.update(status="canceled")
    shop.checkout(alice, "pro", interval="month")
    assert Order.objects.get(price__plan__tier="pro").trial_days == 0


def test_a_second_subscription_is_refused(shop: Shop, alice: User):
    shop.buy(alice)
    shop.hear()
    answer = shop.client(alice).post("/api/v1/checkout-sessions", {"tier": "trader"})
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "already_subscribed"


def test_opening_a_second_tab_closes_the_first_ones_page(shop: Shop, alice: User):
    first = shop.checkout(alice, "trader")
    shop.checkout(alice, "pro")
    assert shop.stripe.pay(first).status_code == 400
    assert shop.look_back(alice, first).json()["status"] == "expired"


def test_a_second_subscription_bought_all_the_same_is_canceled(shop: Shop, alice: User):
    shop.stripe.control(
        "faults", match="POST /v1/checkout/sessions/.*/expire", mode="status", times=9, status=500
    )
    first, second = shop.checkout(alice, "trader"), shop.checkout(alice, "pro")
    shop.stripe.http.delete("/_sandbox/faults")
    shop.stripe.pay(first).raise_for_status()
    shop.stripe.pay(second).raise_for_status()
    shop.hear()
    duplicate = Subscription.objects.get(duplicate=True)
    assert Subscription.objects.live().filter(user=alice).count() == 1
    from billing import sweeping

    sweeping.sweep()
    shop.hear()
    duplicate.refresh_from_db()
    assert duplicate.status == "canceled", unfinished()
    assert len(shop.holdings(alice)["entitlements"]) == 1


def test_the_same_key_gives_the_same_checkout(shop: Shop, alice: User):
    client = shop.client(alice)
    wish = {"tier": "pro"}
    first = client.post("/api/v1/checkout-sessions", wish, HTTP_IDEMPOTENCY_KEY="k1")
    again = client.post("/api/v1/checkout-sessions", wish, HTTP_IDEMPOTENCY_KEY="k1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = client.post("/api/v1/checkout-sessions", {"tier": "elite"}, HTTP_IDEMPOTENCY_KEY="k1")
    assert other.status_code == 422
    assert Order.objects.count() == 1


def test_the_same_key_at_once_opens_one_checkout(shop: Shop, alice: User):
    client = shop.client(alice)

    def ask(_: int) -> str:
        answer = client.post(
            "/api/v1/checkout-sessions", {"tier": "pro"}, HTTP_IDEMPOTENCY_KEY="volley"
        )
        connection.close()
        return f"{answer.status_code} {answer.content!r}"

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert Order.objects.count() == 1


def test_a_lost_answer_of_stripe_is_asked_for_again(shop: Shop, alice: User):
    client = shop.client(alice)
    shop.stripe.control("faults", match="POST /v1/checkout/sessions", mode="reset_after", times=2)
    lost = client.post("/api/v1/checkout-sessions", {"tier": "pro"}, HTTP_IDEMPOTENCY_KEY="k")
    assert lost.status_code == 502
    found = client.post("/api/v1/checkout-sessions", {"tier": "pro"}, HTTP_IDEMPOTENCY_KEY="k")
    assert found.status_code == 201
    assert len(shop.stripe.get("checkout/sessions")["data"]) == 1


def test_a_checkout_that_no_webhook_told_of_is_found_by_the_sweep(shop: Shop, alice: User):
    from django.utils import timezone

    from billing import sweeping

    shop.buy(alice)
    Order.objects.update(created_at=timezone.now() - 2 * sweeping.QUIET)
    assert sweeping.sweep()["checkouts_asked"] == 1
    assert shop.holdings(alice) == PRO


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "tier"),
        ({"tier": "pro", "price": 1}, "price"),
        ({"tier": "pro", "user_id": 1}, "user_id"),
        ({"tier": "nothing"}, "tier"),
        ({"tier": "pro", "interval": "week"}, "interval"),
        ({"tier": "pro", "interval": "year"}, "interval"),
        ({"tier": "pro", "success_url": "https://evil.example/"}, "success_url"),
        ({"tier": "pro", "success_url": "http://testserver.evil.example/"}, "success_url"),
        ({"tier": "pro", "success_url": "http://testserver@evil.example/"}, "success_url"),
        ({"tier": "pro", "cancel_url": "javascript:alert(1)"}, "cancel_url"),
        ({"tier": "pro", "provider": "paypal"}, "provider"),
        ({"tier": "a\0b"}, "tier"),
        ({"tier": ["pro"]}, "tier"),
    ],
)
def test_a_wrong_wish_is_refused_by_the_fields_name(shop: Shop, alice: User, body, attr):
    answer = shop.client(alice).post("/api/v1/checkout-sessions", body)
    assert answer.status_code == 400
    assert attr in [error["attr"] for error in answer.json()["errors"]]
    assert not Order.objects.exists()


def test_a_checkout_is_its_buyers_alone(shop: Shop, alice: User, bob: User):
    session_id = shop.buy(alice)
    assert shop.look_back(bob, session_id).status_code == 404
    assert not Payment.objects.exists()


def test_signed_out_people_cannot_check_out(shop: Shop, client):
    answer = client.post("/api/v1/checkout-sessions", {"tier": "pro"}, "application/json")
    assert answer.status_code == 401


def test_stripe_being_down_is_a_502_and_nothing_is_lost(shop: Shop, alice: User):
    shop.stripe.control(
        "faults", match="POST /v1/checkout/sessions", mode="status", times=9, status=500
    )
    answer = shop.client(alice).post("/api/v1/checkout-sessions", {"tier": "pro"})
    assert answer.status_code == 502
    assert answer.json()["type"] == "server_error"
    shop.stripe.http.delete("/_sandbox/faults")
    assert shop.checkout(alice)


def test_a_death_after_stripes_answer_does_not_lose_the_checkout(shop: Shop, alice: User):
    session_id = shop.buy(alice)
    Order.objects.update(provider_id=None, url="")
    shop.hear()
    assert shop.holdings(alice) == PRO, unfinished()
    assert shop.look_back(alice, session_id).json()["status"] == "complete"
