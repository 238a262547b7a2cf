"""Taking money out of the wallet, with the stand-in's connected accounts."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from django.utils import timezone

from billing.mails import outbox
from billing.mails.models import Mail
from billing.operations.models import Operation
from billing.sweeping import sweep
from billing.wallet import funds, ledger, payout_steps
from billing.wallet.payout_models import Payout, PayoutAccount
from config.kit.money import Money
from config.kit.redis_client import redis_client
from sessions_live.line import feed_key
from sessions_live.models import User
from sessions_live.rooms import payments_room
from tests.billing.conftest import Shop
from tests.billing.wallet.test_ledger import at_once

URL = "/api/v1/payouts"
ACCOUNT = "/api/v1/payout-account"
RICH = "4000000000000077"


class Earner:
    """Somebody with money in the wallet, and a bank."""

    def __init__(self, shop: Shop, user: User) -> None:
        self.shop, self.user, self.api = shop, user, shop.client(user)

    def earns(self, amount: int) -> None:
        with transaction.atomic():
            ledger.post(
                reference=f"earned:{self.user.pk}:{amount}:{Payout.objects.count()}",
                entries=[
                    ("stripe:clearing", Money(-amount, "usd")),
                    *funds.arriving(self.user.pk, Money(amount, "usd")),
                ],
            )

    def asks(self, amount: int, *, key: str = "", currency: str = "usd") -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.api.post(URL, {"amount": amount, "currency": currency}, headers=headers)

    def onboards(self) -> None:
        link = self.api.post(ACCOUNT, {})
        assert link.status_code == 201, link.json()
        form = {"name": "Maria Sol", "account_number": "000123456789"}
        done = self.shop.stripe.http.post(link.json()["url"], data=form)
        assert done.status_code == 303, done.text
        self.hear()

    def hear(self) -> None:
        """The platform's events, and those of this person's account."""
        account = PayoutAccount.objects.get(user=self.user)
        told = self.shop.stripe.stripe.get(
            "/v1/events",
            params={"limit": 100},
            headers={"Stripe-Account": account.provider_id or ""},
        ).json()["data"]
        self.shop.hear(*told[::-1])

    def standing(self) -> tuple[int, int]:
        """In the wallet; on its way to the bank."""
        wallet = funds.available(self.user.pk, "usd").amount
        return wallet, ledger.balance("payouts:in_transit", "usd").amount

    def payouts(self) -> list[str]:
        return [each["status"] for each in self.api.get(URL).json()["results"]]

    def news(self) -> list[str]:
        entries: Any = redis_client().xrange(feed_key(payments_room(self.user.pk)))
        frames = [json.loads(fields[b"frame"]) for _, fields in entries]
        return [f["data"]["status"] for f in frames if f["type"] == "payout:update"]

    def mails(self) -> list[Mail]:
        """Those about payouts that are to be sent, the earlier first."""
        about = Mail.objects.filter(user=self.user, template__startswith="payout_")
        return list(about.exclude(status="skipped").order_by("created_at"))


@pytest.fixture
def maria(shop: Shop) -> Earner:
    return Earner(shop, shop.person("maria@example.com"))


@pytest.fixture
def ready(maria: Earner, rich: None) -> Earner:
    maria.onboards()
    maria.earns(10_000)
    return maria


@pytest.fixture
def rich(shop: Shop) -> None:
    """The platform's own balance at the provider holds something."""
    intent = shop.stripe.stripe.post(
        "/v1/payment_intents", data={"amount": 50_000, "currency": "usd"}
    ).json()
    shop.stripe.control(f"payment_intents/{intent['id']}/confirm", card=RICH).raise_for_status()


def settle(earner: Earner, status: str, **more: str) -> None:
    sent = Payout.objects.exclude(provider_id=None).latest("created_at")
    earner.shop.stripe.control(
        f"payouts/{sent.provider_id}/settle", status=status, **more
    ).raise_for_status()
    earner.hear()


def due_now() -> None:
    Payout.objects.update(due_at=timezone.now() - timedelta(seconds=1))


# --- the account ----------------------------------------------------------------------------------
def test_an_account_is_opened_once_and_ready_after_its_form(maria: Earner):
    assert maria.api.get(ACCOUNT).json()["status"] == "none"
    first, second = maria.api.post(ACCOUNT, {}), maria.api.post(ACCOUNT, {})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["url"] != second.json()["url"]
    assert Operation.objects.filter(kind="payout_account.open").count() == 1
    assert maria.api.get(ACCOUNT).json()["status"] == "incomplete"
    maria.onboards()
    seen = maria.api.get(ACCOUNT).json()
    assert (seen["status"], seen["currency"], seen["requirements"]) == ("ready", "usd", [])


def test_an_account_whose_answer_was_lost_is_found_again(maria: Earner):
    maria.shop.stripe.control("faults", match="POST /v1/accounts", mode="reset_after", times=2)
    assert maria.api.post(ACCOUNT, {}).status_code == 502
    Operation.objects.update(due_at=timezone.now())
    sweep()
    assert maria.api.post(ACCOUNT, {}).status_code == 201
    made = maria.shop.stripe.get("accounts")["data"]
    assert [each["id"] for each in made] == [PayoutAccount.objects.get().provider_id]


def test_the_form_leads_only_to_our_own_pages(maria: Earner):
    refused = maria.api.post(ACCOUNT, {"return_url": "https://evil.example/"})
    assert (refused.status_code, refused.json()["errors"][0]["attr"]) == (400, "return_url")


def test_news_of_an_account_of_nobody_rings_the_alarm_and_does_nothing(shop: Shop, caplog):
    account: dict[str, Any] = {
        "id": "acct_foreign",
        "object": "account",
        "capabilities": {},
        "requirements": {},
    }
    account |= {"payouts_enabled": True, "details_submitted": True, "metadata": {}}
    account |= {"country": "US", "default_currency": "usd"}
    happened = {
        **{"id": "evt_foreign", "object": "event", "type": "account.updated", "livemode": False},
        **{"created": 1_800_000_000, "account": "acct_foreign", "data": {"object": account}},
    }
    shop.hear(happened)
    assert "unknown payout account" in caplog.text
    assert not PayoutAccount.objects.exists()


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


# --- what goes wrong ------------------------------------------------------------------------------
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


def test_a_payout_account_is_opened_by_its_button_alone_and_once(maria: Earner):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(maria.user)
    asked = browser.get("/wallet/onboarding").content.decode()
    assert "Set up payouts" in asked
    assert browser.post("/wallet/onboarding").status_code == 403
    assert not PayoutAccount.objects.exists()
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', asked)[-1]
    for _ in range(2):
        sent = browser.post("/wallet/onboarding", {"csrfmiddlewaretoken": token})
        assert sent["Location"].startswith(maria.shop.stripe.url)
    assert len(maria.shop.stripe.get("accounts")["data"]) == 1
    assert "go on where you stopped" in browser.get("/wallet/onboarding").content.decode()


def test_a_link_that_was_used_leads_back_to_the_button(maria: Earner, client):
    client.force_login(maria.user)
    link = client.post("/wallet/onboarding")["Location"]
    form = {"name": "Maria Sol", "account_number": "000123456789"}
    maria.shop.stripe.http.post(link, data=form)
    back = maria.shop.stripe.http.get(link)
    assert back.headers["Location"].endswith("/wallet/onboarding")
    maria.hear()
    assert "You can be paid" in client.get("/wallet/onboarding").content.decode()
