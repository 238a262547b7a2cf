"""Buying a plan, from the sign-up to the news of it: the tour through the product."""

from __future__ import annotations

import json

from tests.product import Product
from tests.waiting import eventually

PRO = ([("succeeded", 9700)], ("active", "pro"), ("pro", True))
NOTHING: tuple = ([], ("none", "free"), ("free", False))


def test_a_plan_is_bought_and_the_browser_hears_of_it(product: Product):
    alice = product.person()
    assert "pro" in [plan["tier"] for plan in alice.get("plans")]
    assert alice.holdings() == NOTHING

    with alice.socket() as socket:
        session_id = alice.checkout("pro")
        product.stripe.pay(session_id).raise_for_status()
        news = json.loads(socket.recv(timeout=10))

    assert news["type"] == "payment:update"
    assert (news["data"]["status"], news["data"]["amount"]) == ("succeeded", 9700)
    alice.wait_until_all_is_heard()
    assert alice.holdings() == PRO
    assert alice.has() == (1, 1, 1)
    assert news["data"]["payment_id"] == alice.get("payments")["results"][0]["id"]
    seen = alice.look_back(session_id)
    assert (seen["status"], seen["payment_status"]) == ("complete", "paid")
    assert seen["subscription"]["status"] == "active"


def test_a_declined_card_gives_nothing_and_another_one_pays(product: Product):
    bob = product.person()
    session_id = bob.checkout("pro")
    declined = product.stripe.pay(session_id, "4000000000000002")
    assert declined.status_code == 402
    eventually(lambda: bob.get("payments")["results"])
    bob.wait_until_all_is_heard()
    failed = bob.get("payments")["results"][0]
    assert failed["status"] == "failed"
    assert failed["failure_message"] == "Your card was declined."
    assert bob.get("entitlements")["access"] is False

    product.stripe.pay(session_id).raise_for_status()
    bob.wait_until_all_is_heard()
    assert bob.holdings()[1:] == PRO[1:]
    paid = [each for each in bob.get("payments")["results"] if each["status"] == "succeeded"]
    assert len(paid) == 1


def test_a_card_that_asks_for_its_owner_pays_after_the_answer(product: Product):
    carol = product.person()
    session_id = carol.checkout("pro")
    asked = product.stripe.pay(session_id, "4000002500003155").json()
    assert asked["requires_action"] is True
    carol.wait_until_all_is_heard()
    assert carol.get("entitlements")["access"] is False
    assert carol.look_back(session_id)["status"] == "open"

    product.stripe.pay(session_id, "4000002500003155", authenticate=True).raise_for_status()
    carol.wait_until_all_is_heard()
    assert carol.holdings()[1:] == PRO[1:]
    assert carol.has()[1:] == (1, 1)


def test_a_trial_begins_without_a_payment(product: Product):
    dave = product.person()
    session_id = dave.checkout("team", interval="year")
    product.stripe.pay(session_id).raise_for_status()
    dave.wait_until_all_is_heard()
    assert dave.holdings() == ([], ("trialing", "team"), ("team", True))
    assert dave.look_back(session_id)["payment_status"] == "no_payment_required"
    assert dave.get("subscription")["trial_end"] is not None
    assert dave.has() == (0, 1, 1)


def test_a_plan_for_life_is_paid_once_and_kept(product: Product):
    erin = product.person()
    product.stripe.pay(erin.checkout("lifetime")).raise_for_status()
    erin.wait_until_all_is_heard()
    assert erin.holdings() == ([("succeeded", 800000)], ("none", "free"), ("lifetime", True))
    assert erin.has() == (1, 0, 1)
    assert erin.post("checkout-sessions", tier="lifetime").status_code == 409


def test_what_one_bought_is_nobody_elses_business(product: Product):
    alice, mallory = product.person(), product.person()
    session_id = alice.checkout("pro")
    product.stripe.pay(session_id).raise_for_status()
    alice.wait_until_all_is_heard()
    foreign = mallory.http.get(f"/api/v1/checkout-sessions/{session_id}")
    unknown = mallory.http.get("/api/v1/checkout-sessions/cs_test_unknown")
    assert (foreign.status_code, foreign.json()) == (unknown.status_code, unknown.json())
    assert foreign.status_code == 404
    assert mallory.holdings() == NOTHING
