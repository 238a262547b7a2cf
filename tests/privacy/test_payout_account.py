"""Leaving the account at the provider through which somebody was paid."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.operations.models import Operation
from billing.providers.stripe.hurry import breaker
from billing.wallet.payout_models import Payout, PayoutAccount
from billing.webhooks.mirror import drain_mirror
from billing.webhooks.models import WebhookEvent
from tests.billing.earning import Earner
from tests.privacy.conftest import Person, go_on, traces


@pytest.fixture
def paid(person: Person) -> Person:
    """She has told the provider who she is and where her bank is."""
    earner = Earner(person.shop, person.user)
    link = earner.api.post("/api/v1/payout-account", {})
    form = {"name": "Griselda Goose", "account_number": "000123456789"}
    person.shop.stripe.http.post(link.json()["url"], data=form)
    earner.hear()
    assert PayoutAccount.objects.get().is_ready
    return person


def accounts(person: Person) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = person.shop.stripe.get("accounts")["data"]
    return listed


def closings() -> list[str]:
    asked = Operation.objects.filter(kind="erasure.close_account").order_by("created_at")
    return list(asked.values_list("status", flat=True))


def test_it_is_deleted_there_and_nothing_here_names_her(paid: Person):
    assert len(accounts(paid)) == 1
    paid.leave()
    assert go_on(paid) == "done", paid.erasure.trouble
    assert accounts(paid) == []
    assert closings() == ["succeeded"]
    assert not PayoutAccount.objects.get().is_ready
    assert traces(("griselda", "Goose")) == {}


def test_what_stripe_says_of_it_afterwards_is_blackened(paid: Person):
    known = accounts(paid)[0]
    paid.leave()
    go_on(paid)
    told = {**known, "individual": {"first_name": "Griselda", "dob": {"year": 1977}}}
    happened = {
        **{"id": "evt_late", "object": "event", "type": "account.updated", "livemode": False},
        **{"created": 1_900_000_000, "account": known["id"], "data": {"object": told}},
    }
    paid.shop.hear(happened)
    drain_mirror()
    late = WebhookEvent.objects.get(event_id="evt_late")
    assert (late.status, "1977" in late.body) == ("processed", False)
    assert not PayoutAccount.objects.get().is_ready
    assert traces(("griselda", "Goose")) == {}


@pytest.mark.parametrize("mode", ["reset_before", "reset_after"])
def test_a_lost_answer_is_looked_up(paid: Person, mode: str):
    paid.shop.stripe.control("faults", match="DELETE /v1/accounts/.*", mode=mode, times=2)
    paid.leave()
    go_on(paid, rounds=1)
    breaker.close()
    Operation.objects.update(due_at=timezone.now())
    assert go_on(paid) == "done", paid.erasure.trouble
    assert accounts(paid) == []
    assert closings()[-1] == "succeeded"


def test_while_stripe_refuses_she_is_kept_and_it_is_asked_again(paid: Person):
    fault = {"match": "DELETE /v1/accounts/.*", "mode": "status", "status": 400, "times": 1}
    paid.shop.stripe.control("faults", **fault).raise_for_status()
    paid.leave()
    assert go_on(paid, rounds=1) == "requested"
    assert paid.erasure.trouble
    assert traces(("griselda",))
    assert go_on(paid) == "done"
    assert closings() == ["failed", "succeeded"]


def test_a_payout_that_may_still_come_back_is_waited_for(paid: Person):
    Payout.objects.create(
        user=paid.user,
        provider="stripe",
        amount=1_000,
        currency="usd",
        status="paid",
        finished_at=timezone.now() - timedelta(days=2),
    )
    assert "may still send it back" in paid.leave().json()["held_for"][0]
    assert go_on(paid) == "held"
    assert len(accounts(paid)) == 1
    Payout.objects.update(finished_at=timezone.now() - timedelta(days=8))
    assert go_on(paid) == "done"
    assert accounts(paid) == []
