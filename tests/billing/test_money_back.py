"""Refunds and disputes that happen at the provider, and what our books and wallets make of them."""

from __future__ import annotations

import pytest

from billing.models import Payment
from billing.wallet import ledger
from billing.wallet.models import Escrow
from tests.billing.conftest import Shop, unfinished
from tests.billing.returns import AMOUNT, STORIES, Told, balances_agree
from tests.stripe_events import event, payment_intent


def usd(account: str) -> int:
    return ledger.balance(account, "usd").amount


@pytest.mark.parametrize(
    ("kind", "story"), [("a plan", STORIES[5]), ("held", STORIES[11]), ("released", STORIES[4])]
)
def test_whatever_goes_back_our_books_are_the_providers(shop: Shop, kind: str, story: str):
    """All twelve stories for all kinds are in the scorecard (R22)."""
    told = Told(shop, kind)
    told.happens(story)
    told.hear(seed=22)
    assert not unfinished()
    assert balances_agree()


def test_a_refund_that_is_told_before_its_payment_is_booked_after_it(shop: Shop):
    told = Told(shop, "a plan")
    told.refund("")
    of_refund = [each for each in told.news() if "refund" in each["type"]]
    shop.hear(*of_refund)
    assert Payment.objects.get(provider_id=told.intent).is_paid
    assert (usd("revenue"), usd("refunds")) == (told.amount, -told.amount)


def test_a_refund_of_what_we_did_not_sell_is_left_alone(shop: Shop):
    refund = {
        **{"id": "re_foreign", "object": "refund", "amount": 100, "currency": "usd"},
        **{"payment_intent": payment_intent()["id"], "charge": "ch_1", "status": "succeeded"},
        **{"balance_transaction": "txn_1"},
    }
    shop.hear(event("refund.created", refund))
    assert not unfinished()
    assert usd("refunds") == 0


def test_a_refund_that_failed_is_held_again_and_can_be_released(shop: Shop):
    told = Told(shop, "held")
    told.happens("refund, refund fails")
    told.hear(seed=1)
    held = Escrow.objects.get()
    assert (held.left.amount, held.remind_at is not None) == (AMOUNT, True)
    released = shop.client(told.payer).post(f"/api/v1/escrow-payments/{held.pk}/release")
    assert released.json()["status"] == "released"
    assert usd(f"wallet:{told.payee.pk}") == AMOUNT - AMOUNT // 10


def test_a_refund_after_release_that_fails_is_the_payees_again(shop: Shop):
    told = Told(shop, "released")
    told.refund("")
    told.hear()
    owed = AMOUNT // 10
    assert (usd(f"wallet:{told.payee.pk}"), usd(f"receivable:{told.payee.pk}")) == (0, -owed)
    told.refund("fails")
    told.hear()
    assert usd(f"wallet:{told.payee.pk}") == AMOUNT - owed
    assert usd(f"receivable:{told.payee.pk}") == 0


def test_what_is_disputed_is_not_released_until_the_bank_decided(shop: Shop):
    told = Told(shop, "held")
    release = f"/api/v1/escrow-payments/{Escrow.objects.get().pk}/release"
    payer = shop.client(told.payer)
    told.dispute("")
    told.hear(seed=3)
    assert payer.post(release).json()["errors"][0]["code"] == "disputed"
    told.won("")
    told.hear(seed=3)
    # Late news of the beginning does not freeze it again.
    told.known.clear()
    told.hear(seed=4)
    assert payer.post(release).status_code == 200


def test_an_inquiry_freezes_nothing(shop: Shop):
    told = Told(shop, "held")
    told.inquiry("")
    told.hear()
    release = f"/api/v1/escrow-payments/{Escrow.objects.get().pk}/release"
    assert shop.client(told.payer).post(release).status_code == 200


def test_a_debt_is_exact_keeps_payouts_back_and_is_repaid_by_the_next_earning(shop: Shop):
    """R24. What was released and paid out comes back to its payer out of what is earned next."""
    told = Told(shop, "released")
    bob, earned = shop.client(told.payee), AMOUNT - AMOUNT // 10
    assert bob.post("/api/v1/payouts", {"amount": 1_000, "currency": "usd"}).status_code == 201
    told.refund("")
    told.hear(seed=5)
    [wallet] = bob.get("/api/v1/wallet").json()["balances"]
    debt = AMOUNT - (earned - 1_000)
    assert (wallet["available_balance"], wallet["owed"]) == (0, debt)
    refused = bob.post("/api/v1/payouts", {"amount": 100, "currency": "usd"})
    assert refused.status_code == 409
    Told(shop, "released", payee=told.payee)
    [wallet] = bob.get("/api/v1/wallet").json()["balances"]
    assert (wallet["available_balance"], wallet["owed"]) == (earned - debt, 0)
    assert bob.post("/api/v1/payouts", {"amount": 100, "currency": "usd"}).status_code == 201
    assert balances_agree()
