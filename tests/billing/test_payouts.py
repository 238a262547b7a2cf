"""Taking money out of the wallet, with the stand-in's connected accounts."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest
from django.db import transaction

from billing.operations.models import Operation
from billing.sweeping import sweep
from billing.wallet import funds, ledger, payout_steps
from billing.wallet.payout_models import Payout
from config.kit.money import Money
from tests.billing.earning import URL, Earner, settle
from tests.billing.wallet.test_ledger import at_once


# --- asking ---------------------------------------------------------------------------------------
def test_a_payout_takes_its_money_out_of_the_wallet_and_is_paid(ready: Earner):
    asked = ready.asks(4_000)
    assert (asked.status_code, asked.json()["status"]) == (201, "pending")
    assert ready.standing() == (6_000, 4_000)
    sweep()
    sent = Payout.objects.get()
    assert sent.provider_id is not None
    assert sent.provider_id.startswith("po_")
    settle(ready, "paid")
    assert ready.payouts() == ["paid"]
    assert ready.standing() == (6_000, 0)
    assert ready.news() == ["pending", "pending", "in_transit", "paid"]
    assert [each.key for each in ready.mails()] == [f"payout_paid:{sent.pk}"]
    kinds = Operation.objects.filter(subject=f"payout:{sent.pk}").order_by("created_at")
    told = [(each.kind, each.status, each.provider_id[:3]) for each in kinds]
    assert told == [
        ("payout.fund", "succeeded", "tr_"),
        ("payout.send", "succeeded", "po_"),
    ]


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [(10_001, 409, "insufficient_funds"), (99, 400, "payout_too_small"), (0, 400, "min_value")],
)
def test_what_cannot_be_paid_out_is_refused(ready: Earner, amount: int, status: int, code: str):
    refused = ready.asks(amount)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (status, code)
    assert ready.standing() == (10_000, 0)
    assert not Payout.objects.exists()


def test_another_currency_than_the_banks_is_refused(ready: Earner):
    refused = ready.asks(500, currency="eur")
    assert refused.json()["errors"][0]["code"] == "payout_currency"


def test_the_same_key_gives_the_same_payout(ready: Earner):
    first, second = ready.asks(1_000, key="one"), ready.asks(1_000, key="one")
    assert first.json()["id"] == second.json()["id"]
    assert ready.asks(2_000, key="one").status_code == 422
    assert ready.standing() == (9_000, 1_000)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_only_what_the_wallet_holds_is_paid_out(maria: Earner):
    maria.earns(1_000)
    answers = at_once(*[lambda: maria.asks(300).status_code] * 50)
    assert Counter(answers) == {201: 3, 409: 47}
    assert maria.standing() == (100, 900)


def test_a_payout_waits_for_the_account_and_goes_on_by_itself(maria: Earner, rich: None):
    maria.earns(2_000)
    asked = maria.asks(2_000).json()
    assert (asked["status"], asked["waiting_for"]) == ("pending", "account")
    sweep()
    assert not Operation.objects.filter(kind="payout.fund").exists()
    maria.onboards()
    payout_steps.advance(asked["id"])
    assert Payout.objects.get().provider_id is not None


def test_whoever_owes_something_is_paid_nothing_out(ready: Earner):
    with transaction.atomic():
        ledger.post(
            reference="taken:back",
            entries=[
                *funds.leaving(ready.user.pk, Money(12_000, "usd")),
                ("stripe:clearing", Money(12_000, "usd")),
            ],
        )
    assert ready.asks(100).status_code == 409


# --- canceling, and other people's ----------------------------------------------------------------
def test_a_payout_is_canceled_while_nothing_was_sent(maria: Earner):
    maria.earns(2_000)
    payout_id = maria.asks(2_000).json()["id"]
    canceled = maria.api.post(f"{URL}/{payout_id}/cancel")
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    assert maria.standing() == (2_000, 0)
    assert maria.api.post(f"{URL}/{payout_id}/cancel").status_code == 409


def test_a_payout_that_was_sent_is_not_canceled(ready: Earner):
    payout_id = ready.asks(1_000).json()["id"]
    sweep()
    refused = ready.api.post(f"{URL}/{payout_id}/cancel")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "payout_on_its_way")


def test_payouts_are_their_owners_alone(ready: Earner):
    payout_id = ready.asks(1_000).json()["id"]
    bob = ready.shop.client(ready.shop.person())
    assert bob.get(URL).json()["results"] == []
    assert bob.post(f"{URL}/{payout_id}/cancel").status_code == 404
    assert bob.post(URL, {"amount": 1_000, "currency": "usd"}).status_code == 409


# --- the page -------------------------------------------------------------------------------------
def test_the_wallets_page_pays_out_and_takes_back(maria: Earner, client):
    client.force_login(maria.user)
    assert "Nothing yet" in client.get("/wallet").content.decode()
    maria.earns(5_000)
    page = client.get("/wallet").content.decode()
    assert "$50.00" in page
    assert "Set up payouts" in page
    key = {"key": str(uuid.uuid4())}
    client.post("/wallet/payout", {"amount": "12.345", "currency": "usd", **key})
    assert not Payout.objects.exists()
    for _ in range(2):
        client.post("/wallet/payout", {"amount": "12.50", "currency": "usd", **key})
    payout = Payout.objects.get()
    assert payout.money == Money(1_250, "usd")
    page = client.get("/wallet").content.decode()
    assert "Waits until your payout account is ready." in page
    client.post(f"/wallet/payouts/{payout.pk}/cancel")
    assert maria.standing() == (5_000, 0)
