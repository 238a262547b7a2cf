"""The lines of Stripe's own books, its balance transactions, and what each was for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from billing.providers.base import NotFound
from billing.providers.comparing import Movement
from billing.providers.facts import Fact
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.money_back import dispute_facts, refund_facts
from billing.providers.stripe.own_bank import bank_payout_fact, top_up_facts
from billing.providers.stripe.reading import id_of, instant
from config.kit.money import Money

# https://docs.stripe.com/reports/balance-transaction-types
KINDS = {
    "charge": "payment",
    "payment": "payment",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failed",
    "payment_failure_refund": "refund_failed",
    "transfer": "transfer",
    "transfer_refund": "transfer_back",
    "payout": "bank_payout",
    "payout_cancel": "bank_payout_back",
    "payout_failure": "bank_payout_back",
    "topup": "top_up",
    "topup_reversal": "top_up_back",
    "stripe_fee": "fee",
    "stripe_fx_fee": "fee",
    "tax_fee": "fee",
}
# What a bank takes and gives back is told apart from other corrections by the category alone.
CATEGORIES = {"dispute": "dispute", "dispute_reversal": "dispute_won"}


def movement(booked: Mapping[str, Any], source: Any = None) -> Movement:
    source = source or booked["source"]
    charge: Mapping[str, Any] = source if isinstance(source, Mapping) else {}
    kind = CATEGORIES.get(booked["reporting_category"]) or KINDS.get(booked["type"])
    fee = what_is_kept(booked["type"], booked["amount"], booked["fee"])
    return Movement(
        movement_id=booked["id"],
        kind=kind or booked["type"],
        money=Money(booked["amount"] - booked["fee"] + fee, booked["currency"]),
        fee=Money(fee, booked["currency"]),
        source_id=id_of(source),
        payment_id=id_of(charge.get("payment_intent")),
        customer_id=id_of(charge.get("customer")),
        at=instant(booked["created"]),
    )


def what_is_kept(type_: str, amount: int, fee: int) -> int:
    """Of a line that is a fee by itself, all of it."""
    return fee - amount if KINDS.get(type_) == "fee" else fee


def of_intent(intent: Mapping[str, Any]) -> list[Movement]:
    """Empty while the charge is not in Stripe's books, which may take an hour."""
    charge = intent["latest_charge"]
    booked = charge["balance_transaction"] if isinstance(charge, Mapping) else None
    return [movement(booked, charge)] if isinstance(booked, Mapping) else []


def read(movement_id: str) -> Movement:
    with stripe_says() as stripe:
        booked = stripe.v1.balance_transactions.retrieve(movement_id, {"expand": ["source"]})
    return movement(booked.to_dict())


def _of_payment(payment_id: str) -> Movement | None:
    expand = {"expand": ["latest_charge.balance_transaction"]}
    with stripe_says() as stripe:
        intent = stripe.v1.payment_intents.retrieve(payment_id, expand).to_dict()  # type: ignore[arg-type]
    if intent["status"] != "succeeded":
        raise NotFound(words=f"It is not paid: {intent['status']}.")
    return next(iter(of_intent(intent)), None)


def _of_transfer(transfer_id: str) -> Movement | None:
    expand = {"expand": ["balance_transaction"]}
    with stripe_says() as stripe:
        transfer = stripe.v1.transfers.retrieve(transfer_id, expand).to_dict()  # type: ignore[arg-type]
    booked = transfer["balance_transaction"]
    return movement(booked, transfer) if isinstance(booked, Mapping) else None


def _of_transfer_back(transfer_id: str) -> Movement | None:
    """Of a transfer that we take back as a whole."""
    expand = {"expand": ["data.balance_transaction"]}
    with stripe_says() as stripe:
        made = stripe.v1.transfers.reversals.list(transfer_id, expand).to_dict()  # type: ignore[arg-type]
    for each in made["data"]:
        if isinstance(each["balance_transaction"], Mapping):
            return movement(each["balance_transaction"], each)
    return None


def _of_refund(field: str) -> Callable[[str], Movement | None]:
    def find(refund_id: str) -> Movement | None:
        with stripe_says() as stripe:
            refund = stripe.v1.refunds.retrieve(refund_id, {"expand": [field]}).to_dict()
        booked = refund.get(field)
        return movement(booked, refund) if isinstance(booked, Mapping) else None

    return find


def _of_bank_payout(field: str) -> Callable[[str], Movement | None]:
    def find(payout_id: str) -> Movement | None:
        with stripe_says() as stripe:
            payout = stripe.v1.payouts.retrieve(payout_id, {"expand": [field]}).to_dict()
        booked = payout.get(field)
        return movement(booked, payout) if isinstance(booked, Mapping) else None

    return find


def _of_top_up(kind: str) -> Callable[[str], Movement | None]:
    """What took one back is named by its line in the books alone."""

    def find(top_up_id: str) -> Movement | None:
        with stripe_says() as stripe:
            stripe.v1.topups.retrieve(top_up_id)
            booked = stripe.v1.balance_transactions.list({"source": top_up_id}).to_dict()
        moved = [movement(each) for each in booked["data"]]
        return next((each for each in moved if each.kind == kind), None)

    return find


def _of_dispute(kind: str) -> Callable[[str], Movement | None]:
    def find(dispute_id: str) -> Movement | None:
        with stripe_says() as stripe:
            dispute = stripe.v1.disputes.retrieve(dispute_id).to_dict()
        moved = [movement(each, dispute) for each in dispute["balance_transactions"]]
        return next((each for each in moved if each.kind == kind), None)

    return find


FINDERS: dict[str, Callable[[str], Movement | None]] = {
    "payment": _of_payment,
    "transfer": _of_transfer,
    "transfer_back": _of_transfer_back,
    "refund": _of_refund("balance_transaction"),
    "refund_failed": _of_refund("failure_balance_transaction"),
    "dispute": _of_dispute("dispute"),
    "dispute_won": _of_dispute("dispute_won"),
    "bank_payout": _of_bank_payout("balance_transaction"),
    "bank_payout_back": _of_bank_payout("failure_balance_transaction"),
    "top_up": _of_top_up("top_up"),
    "top_up_back": _of_top_up("top_up_back"),
}


def source(kind: str, object_id: str) -> list[Fact]:
    now = datetime.now(UTC)
    with stripe_says() as stripe:
        match kind.removesuffix("_back"):
            case "bank_payout":
                payout = stripe.v1.payouts.retrieve(object_id).to_dict()
                told: list[Fact] = [bank_payout_fact(payout, now)]
            case "top_up":
                told = top_up_facts(stripe.v1.topups.retrieve(object_id).to_dict(), now)
            case "dispute" | "dispute_won":
                told = dispute_facts(stripe.v1.disputes.retrieve(object_id).to_dict(), now)
            case _:
                told = refund_facts(stripe.v1.refunds.retrieve(object_id).to_dict(), now)
    return [replace(each, settled=True) for each in told]
