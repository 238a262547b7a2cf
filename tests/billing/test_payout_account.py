"""The account at the provider through which somebody is paid."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client
from django.utils import timezone

from billing.operations.models import Operation
from billing.sweeping import sweep
from billing.wallet.payout_models import PayoutAccount
from tests.billing.conftest import Shop
from tests.billing.earning import ACCOUNT, Earner


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
