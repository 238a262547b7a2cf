"""What a bank said to one try to charge, in our words and in Stripe's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.providers.facts import Attempt
from billing.providers.stripe.reading import Payload, id_of, instant

# Of Stripe's error only what helps to understand it: no client secret, no address, no fingerprint.
KEPT = frozenset(
    {
        "advice_code",
        "charge",
        "code",
        "decline_code",
        "doc_url",
        "message",
        "network_advice_code",
        "network_decline_code",
        "param",
        "type",
    }
)
KEPT_OF_CARD = ("brand", "last4", "exp_month", "exp_year", "funding", "country", "network")
CONFIRM = "authentication_required"
NO_METHOD = "no_payment_method"


def attempt_of(intent: Payload, at: datetime) -> Attempt | None:
    error = intent.get("last_payment_error") or {}
    charge = intent.get("latest_charge")
    if intent["status"] == "succeeded":
        error = {}
    # A card refused before a charge was made leaves only the error behind; the latest charge is
    # then that of an earlier try.
    charge_id = (error.get("charge") or "") if error else id_of(charge)
    if not charge_id and not error:
        return None
    details = None
    if isinstance(charge, Mapping) and charge["id"] == charge_id:
        details = charge.get("payment_method_details")
    return Attempt(
        charge_id=charge_id or f"{intent['id']}:{int(at.timestamp())}",
        succeeded=not error,
        at=at,
        code=error.get("code") or "",
        decline_code=error.get("decline_code") or "",
        message=error.get("message") or "",
        method=method_name(details or error.get("payment_method")),
        error=without_secrets(error),
    )


def confirmation_wanted(invoice: Payload, at: datetime) -> Attempt:
    """No charge is made while the bank waits for its customer; the invoice counts the tries."""
    return Attempt(
        charge_id=f"{invoice['id']}:{invoice['attempt_count']}",
        succeeded=False,
        at=at,
        code=CONFIRM,
        message="Your bank wants you to confirm this payment.",
    )


def nothing_to_charge(invoice: Payload, intent: Payload) -> Attempt | None:
    """No bank is asked where the customer has no method on file. Once, however often it is found:
    the invoice could be paid from when on it was final."""
    if intent.get("status") != "requires_payment_method" or intent.get("last_payment_error"):
        return None
    return Attempt(
        charge_id=f"{invoice['id']}:{NO_METHOD}",
        succeeded=False,
        at=instant(invoice["status_transitions"]["finalized_at"]),
        code=NO_METHOD,
        message="There is no card on file to charge.",
    )


def without_secrets(error: Payload) -> dict[str, Any]:
    kept = {name: value for name, value in error.items() if name in KEPT and value}
    method = error.get("payment_method") or {}
    if method:
        card = method.get("card") or {}
        told = {name: card[name] for name in KEPT_OF_CARD if card.get(name)}
        kept["payment_method"] = {"id": method["id"], "type": method["type"], "card": told}
    return kept


def method_name(details: Payload | None) -> str:
    """`Visa •••• 4242`, or the kind of method."""
    if not details:
        return ""
    card = details.get("card")
    if not card:
        return str(details.get("type", "")).replace("_", " ")
    return f"{str(card['brand']).title()} •••• {card['last4']}"
