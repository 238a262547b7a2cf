"""Refunds and disputes, and the provider's books after each."""

from __future__ import annotations

import pytest
import stripe

from .desk import Desk, eventually
from .test_payments import pay


def net(desk: Desk) -> int:
    return int(desk.http.get("/_sandbox/balance").json()["usd"]["total"])


def test_refunds_in_parts(desk: Desk) -> None:
    intent = pay(desk, "pm_card_visa")
    before = net(desk)
    refund = desk.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    assert refund.status == "succeeded"
    charge = desk.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (500, False)
    desk.v1.refunds.create({"charge": charge.id})
    assert desk.v1.charges.retrieve(charge.id).refunded
    assert net(desk) == before - 2000
    first = desk.events("charge.refunded")[0]["data"]
    assert first["previous_attributes"] == {"amount_refunded": 0}


def test_more_than_was_paid_is_refused(desk: Desk) -> None:
    intent = pay(desk, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        desk.v1.refunds.create({"payment_intent": intent.id, "amount": 2001})
    desk.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"


def test_an_unpaid_intent_cannot_be_refunded(desk: Desk) -> None:
    intent = desk.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        desk.v1.refunds.create({"payment_intent": intent.id})


def test_a_refund_that_fails_later(desk: Desk) -> None:
    intent = pay(desk, "pm_card_refundFail")
    before = net(desk)
    refund = desk.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    eventually(lambda: desk.v1.refunds.retrieve(refund.id).status == "failed")
    failed = desk.v1.refunds.retrieve(refund.id)
    assert failed.failure_reason == "expired_or_canceled_card"
    assert failed.failure_balance_transaction.startswith("txn_")
    assert desk.v1.charges.retrieve(intent.latest_charge).amount_refunded == 0
    assert net(desk) == before
    assert {"refund.updated", "charge.refund.updated", "refund.failed"} <= set(desk.types())


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_a_refund_that_is_pending(desk: Desk, status: str) -> None:
    intent = pay(desk, "pm_card_pendingRefund")
    refund = desk.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    desk.control(f"refunds/{refund.id}/settle", status=status)
    assert desk.v1.refunds.retrieve(refund.id).status == status


def test_any_refund_can_be_made_to_fail_once(desk: Desk) -> None:
    refund = desk.v1.refunds.create({"payment_intent": pay(desk, "pm_card_visa").id})
    desk.control(f"refunds/{refund.id}/settle", status="failed")
    assert desk.refused(f"refunds/{refund.id}/settle", status="failed")["http"] == 400


def test_a_dispute_takes_the_money_until_it_is_won(desk: Desk) -> None:
    intent = pay(desk, "pm_card_visa")
    before = net(desk)
    dispute = desk.control("disputes", payment_intent=intent.id, reason="duplicate")
    assert (dispute["status"], dispute["reason"]) == ("needs_response", "duplicate")
    assert net(desk) == before - 2000 - 1500
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"
    desk.control(f"disputes/{dispute['id']}/close", status="won")
    assert net(desk) == before - 1500
    assert desk.types()[-5:] == [
        "charge.updated",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_evidence_is_staged_and_submitted(desk: Desk) -> None:
    pay(desk, "pm_card_createDispute")
    [dispute] = desk.v1.disputes.list().data
    evidence = {"evidence": {"product_description": "Tea"}}
    staged = desk.v1.disputes.update(dispute.id, {**evidence, "submit": False})
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    sent = desk.v1.disputes.update(dispute.id, {**evidence, "submit": True})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    losing = {"evidence": {"uncategorized_text": "losing_evidence"}}
    assert desk.v1.disputes.update(dispute.id, losing).status == "lost"


def test_an_inquiry_takes_no_money(desk: Desk) -> None:
    pay(desk, "pm_card_createDisputeInquiry")
    [dispute] = desk.v1.disputes.list().data
    assert dispute.status == "warning_needs_response"
    assert "charge.dispute.funds_withdrawn" not in desk.types()


def test_an_inquiry_can_be_refunded_and_what_is_left_taken_when_it_is_escalated(desk: Desk) -> None:
    intent = pay(desk, "pm_card_visa")
    before = net(desk)
    dispute = desk.control("disputes", payment_intent=intent.id, reason="inquiry")
    desk.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    escalated = desk.control(f"disputes/{dispute['id']}/escalate")
    assert (escalated["status"], escalated["amount"]) == ("needs_response", 1500)
    assert net(desk) == before - 500 - 1500 - 1500
    assert desk.types()[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"
    assert desk.refused(f"disputes/{dispute['id']}/escalate")["http"] == 400


def test_an_inquiry_whose_charge_is_refunded_in_full_is_not_escalated(desk: Desk) -> None:
    intent = pay(desk, "pm_card_visa")
    dispute = desk.control("disputes", payment_intent=intent.id, reason="inquiry")
    desk.v1.refunds.create({"payment_intent": intent.id})
    assert desk.refused(f"disputes/{dispute['id']}/escalate")["http"] == 400
