"""Paying others: connected accounts, transfers to them, payouts to their banks."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .desk import DAY, Desk, eventually
from .test_payments import pay

LINK = {
    "refresh_url": "http://shop.test/again",
    "return_url": "http://shop.test/wallet",
    "type": "account_onboarding",
}


def account(desk: Desk, *, onboarded: bool = True) -> str:
    made = desk.v1.accounts.create(
        {
            "type": "express",
            "email": "maria@example.com",
            "capabilities": {"transfers": {"requested": True}},
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
        }
    )
    if onboarded:
        desk.control(f"accounts/{made.id}/onboard")
    return str(made.id)


def of(destination: str) -> dict[str, Any]:
    return {"stripe_account": destination}


def funded(desk: Desk) -> None:
    pay(desk, "pm_card_bypassPending")


def balance(desk: Desk, account_id: str | None = None) -> tuple[int, int]:
    """Available, pending."""
    seen = desk.v1.balance.retrieve({}, of(account_id) if account_id else {})
    return seen.available[0].amount, seen.pending[0].amount


def told(desk: Desk, account_id: str, kind: str) -> list[Any]:
    """The account's own events, oldest first."""
    listed = desk.v1.events.list({"limit": 100}, of(account_id)).data
    return [each for each in listed if each.type.startswith(kind)][::-1]


def paid_out(desk: Desk, amount: int = 1000) -> tuple[str, Any]:
    funded(desk)
    maria = account(desk)
    desk.v1.transfers.create({"amount": amount, "currency": "usd", "destination": maria})
    payout = desk.v1.payouts.create({"amount": amount, "currency": "usd"}, of(maria))
    return maria, payout


def test_a_new_account_may_not_be_paid(desk: Desk) -> None:
    funded(desk)
    maria = account(desk, onboarded=False)
    seen = desk.v1.accounts.retrieve(maria)
    assert (seen.payouts_enabled, seen.details_submitted) == (False, False)
    assert "external_account" in seen.requirements.currently_due
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.transfers.create({"amount": 100, "currency": "usd", "destination": maria})
    assert refused.value.code == "insufficient_capabilities_for_transfer"


def test_the_hosted_form_makes_an_account_ready(desk: Desk) -> None:
    maria = account(desk, onboarded=False)
    link = desk.v1.account_links.create({"account": maria, **LINK})
    page = desk.http.get(link.url)
    assert "maria@example.com" in page.text
    bad = desk.http.post(link.url, data={"name": "Maria", "account_number": "000123456789"})
    assert (bad.status_code, "last name" in bad.text) == (400, True)
    done = desk.http.post(link.url, data={"name": "Maria Sol", "account_number": "000123456789"})
    assert (done.status_code, done.headers["location"]) == (303, LINK["return_url"])
    seen = desk.v1.accounts.retrieve(maria)
    assert seen.payouts_enabled
    assert seen.capabilities.transfers == "active"
    assert seen.external_accounts.data[0].last4 == "6789"
    event = told(desk, maria, "account.updated")[-1]
    assert (event.account, event.data.object["payouts_enabled"]) == (maria, True)
    assert desk.events("account.updated") == []


def test_a_link_is_good_once_and_not_for_long(desk: Desk) -> None:
    maria = account(desk, onboarded=False)
    link = desk.v1.account_links.create({"account": maria, **LINK})
    desk.http.post(link.url, data={"name": "Maria Sol", "account_number": "000123456789"})
    assert desk.http.get(link.url).headers["location"] == LINK["refresh_url"]
    late = desk.v1.account_links.create({"account": maria, **LINK})
    desk.advance(1)
    assert desk.http.get(late.url).headers["location"] == LINK["refresh_url"]


def test_a_transfer_takes_what_is_available_and_no_more(desk: Desk) -> None:
    pay(desk, "pm_card_visa")
    maria = account(desk)
    wish = {"amount": 1000, "currency": "usd", "destination": maria, "metadata": {"ours": "1"}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.transfers.create(wish)
    assert refused.value.code == "balance_insufficient"
    funded(desk)
    before = balance(desk)[0]
    transfer = desk.v1.transfers.create(wish)
    assert (transfer.destination, transfer.metadata["ours"]) == (maria, "1")
    assert balance(desk)[0] == before - 1000
    assert balance(desk, maria) == (1000, 0)
    assert [each.id for each in desk.v1.transfers.list({"destination": maria}).data] == [
        transfer.id
    ]
    assert desk.types()[-1] == "transfer.created"


def test_a_transfer_of_a_charge_waits_with_its_money(desk: Desk) -> None:
    intent = pay(desk, "pm_card_visa")
    maria = account(desk)
    wish = {"currency": "usd", "destination": maria, "source_transaction": intent.latest_charge}
    desk.v1.transfers.create({"amount": 1500, **wish})
    assert balance(desk, maria) == (0, 1500)
    with pytest.raises(stripe.InvalidRequestError, match="must not exceed"):
        desk.v1.transfers.create({"amount": 501, **wish})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.payouts.create({"amount": 1500, "currency": "usd"}, of(maria))
    assert refused.value.code == "balance_insufficient"
    desk.advance(2.1)
    assert balance(desk, maria) == (1500, 0)


def test_a_transfer_comes_back_in_parts(desk: Desk) -> None:
    funded(desk)
    maria = account(desk)
    transfer = desk.v1.transfers.create({"amount": 900, "currency": "usd", "destination": maria})
    desk.v1.transfers.reversals.create(transfer.id, {"amount": 400})
    assert desk.v1.transfers.retrieve(transfer.id).amount_reversed == 400
    assert balance(desk, maria) == (500, 0)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unreversed"):
        desk.v1.transfers.reversals.create(transfer.id, {"amount": 501})
    desk.v1.payouts.create({"amount": 500, "currency": "usd"}, of(maria))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.transfers.reversals.create(transfer.id)
    assert refused.value.code == "insufficient_funds"


def test_a_payout_leaves_and_arrives(desk: Desk) -> None:
    maria, payout = paid_out(desk)
    assert (payout.status, payout.automatic) == ("pending", False)
    assert balance(desk, maria) == (0, 0)
    desk.advance(120 / DAY)
    assert desk.v1.payouts.retrieve(payout.id, {}, of(maria)).status == "in_transit"
    desk.advance(2)
    assert desk.v1.payouts.retrieve(payout.id, {}, of(maria)).status == "paid"
    events = told(desk, maria, "payout.")
    assert [e.type for e in events] == ["payout.created", "payout.updated", "payout.paid"]
    assert {e.account for e in events} == {maria}


@pytest.mark.parametrize("first", ["", "paid"])
def test_a_bank_turns_a_payout_back_also_later(desk: Desk, first: str) -> None:
    maria, payout = paid_out(desk)
    if first:
        desk.control(f"payouts/{payout.id}/settle", status=first)
    failed = desk.control(
        f"payouts/{payout.id}/settle", status="failed", failure_code="account_closed"
    )
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    assert balance(desk, maria) == (1000, 0)
    assert told(desk, maria, "payout.failed")[0].account == maria
    assert desk.refused(f"payouts/{payout.id}/settle", status="paid")["http"] == 400


def test_a_payout_is_canceled_before_it_leaves(desk: Desk) -> None:
    maria, payout = paid_out(desk)
    canceled = desk.v1.payouts.cancel(payout.id, {}, of(maria))
    assert canceled.status == "canceled"
    assert balance(desk, maria) == (1000, 0)
    with pytest.raises(stripe.InvalidRequestError, match="only be canceled while"):
        desk.v1.payouts.cancel(payout.id, {}, of(maria))


def test_a_restricted_account_pays_nothing_out(desk: Desk) -> None:
    funded(desk)
    maria = account(desk)
    desk.v1.transfers.create({"amount": 500, "currency": "usd", "destination": maria})
    desk.control(f"accounts/{maria}/restrict")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.payouts.create({"amount": 500, "currency": "usd"}, of(maria))
    assert refused.value.code == "payouts_not_allowed"


def test_payouts_are_their_accounts_own(desk: Desk) -> None:
    maria, payout = paid_out(desk)
    assert [p.id for p in desk.v1.payouts.list({}, of(maria)).data] == [payout.id]
    assert desk.v1.payouts.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.payouts.retrieve(payout.id)
    assert refused.value.code == "resource_missing"


def doors(desk: Desk, kind: str, account_id: str | None = None) -> set[str]:
    """Where such events came in."""
    came = [(item["path"], item["event"]) for item in desk.receiver.came]
    theirs = [(path, event) for path, event in came if event.get("account") == account_id]
    return {path for path, event in theirs if event["type"] == kind}


def test_events_of_connected_accounts_go_to_their_own_endpoint_only(desk: Desk) -> None:
    maria, _ = paid_out(desk)
    eventually(lambda: doors(desk, "payout.created", maria))
    assert doors(desk, "payout.created", maria) == {"/connect"}
    assert doors(desk, "account.updated", maria) == {"/connect"}
    made = desk.control("events", type="payout.paid", object={"id": "po_1"}, account=maria)
    assert made["endpoints"] == 1
    eventually(lambda: doors(desk, "transfer.created"))
    assert doors(desk, "transfer.created") == {"/hook"}


def test_who_registers_an_endpoint_says_whose_events_it_hears(desk: Desk) -> None:
    def heard_by(**whose: str) -> int:
        made = desk.control("events", type="payout.paid", object={"id": "po_1"}, **whose)
        return int(made["endpoints"])

    wish = {"url": desk.receiver.url + "?more", "enabled_events": ["payout.paid"]}
    desk.v1.webhook_endpoints.create(wish)
    assert (heard_by(), heard_by(account="acct_1")) == (2, 1)
    desk.v1.webhook_endpoints.create({**wish, "connect": True})
    assert (heard_by(), heard_by(account="acct_1")) == (2, 2)
