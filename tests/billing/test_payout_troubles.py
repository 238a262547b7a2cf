"""What may happen to a payout on its way, and where its money is then."""

from __future__ import annotations

import pytest
from django.core import mail
from django.utils import timezone

from billing.mails import outbox
from billing.operations.models import Operation
from billing.sweeping import sweep
from billing.wallet import payout_steps
from billing.wallet.payout_models import Payout, PayoutAccount
from tests.billing.earning import ACCOUNT, RICH, Earner, due_now, settle


@pytest.mark.parametrize("first", ["", "paid"])
def test_a_payout_that_fails_gives_its_money_back_once(ready: Earner, first: str):
    ready.asks(4_000)
    sweep()
    if first:
        settle(ready, first)
    settle(ready, "failed", failure_code="account_closed")
    ready.hear()
    assert ready.payouts() == ["failed"]
    assert ready.standing() == (10_000, 0)
    failed = Payout.objects.get()
    assert failed.failure_code == "account_closed"
    due_now()
    sweep()
    # The money is the platform's again at the provider, too.
    reversed_ = ready.shop.stripe.get(f"transfers/{failed.transfer_id}")["amount_reversed"]
    assert reversed_ == 4_000
    assert Payout.objects.get().taken_back


@pytest.mark.parametrize("first", ["", "paid", "paid and told"])
def test_a_payout_that_fails_is_told_once_by_mail_and_never_as_paid_any_more(
    ready: Earner, first: str
):
    ready.asks(4_000)
    sweep()
    if first:
        settle(ready, "paid")
    if first == "paid and told":
        outbox.send_due()
    settle(ready, "failed", failure_code="account_closed")
    ready.hear()
    told = ready.mails()[-1]
    assert told.context["reason"] == "The bank account has been closed."
    kinds = [each.template for each in ready.mails()]
    assert kinds == ["payout_paid", "payout_failed"][first != "paid and told" :]
    outbox.send_due()
    last = mail.outbox[-1]
    assert last.subject == "Your payout of $40.00 did not arrive"
    assert "The money is back in your wallet." in last.body
    assert "Check the bank account" in last.body


def test_what_the_provider_refuses_is_told_without_its_own_words(ready: Earner):
    ready.shop.stripe.control(
        "faults", match="POST /v1/transfers", mode="status", status=400, times=1
    ).raise_for_status()
    ready.asks(4_000)
    sweep()
    assert ready.payouts() == ["failed"]
    assert ready.standing() == (10_000, 0)
    (told,) = ready.mails()
    assert (told.context["reason"], told.context["at_bank"]) == (payout_steps.REFUSED, False)


def test_money_that_has_not_settled_is_waited_for(maria: Earner):
    maria.onboards()
    maria.earns(3_000)
    maria.asks(3_000)
    sweep()
    waits = Payout.objects.get()
    assert (waits.status, waits.waiting_for, waits.provider_id) == ("pending", "funds", None)
    assert maria.standing() == (0, 3_000)
    due_now()
    intent = maria.shop.stripe.stripe.post(
        "/v1/payment_intents", data={"amount": 9_000, "currency": "usd"}
    ).json()
    maria.shop.stripe.control(f"payment_intents/{intent['id']}/confirm", card=RICH)
    sweep()
    assert Payout.objects.get().provider_id is not None


@pytest.mark.parametrize("call", ["POST /v1/transfers", "POST /v1/payouts"])
@pytest.mark.parametrize("mode", ["reset_before", "reset_after"])
def test_a_lost_answer_pays_nobody_twice(ready: Earner, call: str, mode: str):
    ready.shop.stripe.control("faults", match=call, mode=mode, times=2)
    ready.asks(2_500)
    for _ in range(3):
        due_now()
        Operation.objects.update(due_at=timezone.now())
        sweep()
    sent = Payout.objects.get()
    account = {"Stripe-Account": PayoutAccount.objects.get().provider_id or ""}
    listed = ready.shop.stripe.stripe.get("/v1/payouts", headers=account).json()["data"]
    assert [each["id"] for each in listed] == [sent.provider_id]
    assert len(ready.shop.stripe.get("transfers")["data"]) == 1


def test_an_account_that_stripe_restricts_pauses_its_payouts(ready: Earner):
    account = PayoutAccount.objects.get()
    ready.shop.stripe.control(f"accounts/{account.provider_id}/restrict").raise_for_status()
    ready.hear()
    assert ready.api.get(ACCOUNT).json()["status"] == "restricted"
    ready.asks(1_000)
    sweep()
    assert (Payout.objects.get().waiting_for, ready.payouts()) == ("account", ["pending"])


def test_a_payout_of_which_no_event_told_is_asked_about(ready: Earner):
    ready.asks(1_000)
    sweep()
    sent = Payout.objects.get()
    ready.shop.stripe.control(f"payouts/{sent.provider_id}/settle", status="paid")
    due_now()
    sweep()
    assert ready.payouts() == ["paid"]
    assert ready.standing() == (9_000, 0)


def test_another_accounts_payout_that_bears_our_name_changes_nothing(ready: Earner, caplog):
    ready.asks(1_000)
    sweep()
    sent = Payout.objects.get()
    mallory = Earner(ready.shop, ready.shop.person("mallory@example.com"))
    mallory.onboards()
    forged = {
        **{
            "id": "po_forged",
            "object": "payout",
            "status": "failed",
            "arrival_date": 1_800_000_000,
        },
        **{"failure_code": "account_closed", "failure_message": "", "currency": "usd"},
        **{"amount": 1_000, "metadata": {"payout_id": str(sent.pk)}},
    }
    account = PayoutAccount.objects.get(user=mallory.user).provider_id
    ready.shop.hear(
        {
            **{"id": "evt_forged", "object": "event", "type": "payout.failed", "livemode": False},
            **{"created": 1_800_000_000, "account": account, "data": {"object": forged}},
        }
    )
    assert "payout of another account" in caplog.text
    assert ready.payouts() == ["pending"]
    assert ready.standing() == (9_000, 1_000)
