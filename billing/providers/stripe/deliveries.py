"""Is this webhook Stripe's word, fresh, in our mode and for our account?"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import stripe
from django.conf import settings

from billing.providers.base import BadDelivery, Misdirected
from billing.providers.facts import Delivery

TOLERANCE = 300
OF_PAYEES = ("payout.", "account.updated")


def read_delivery(body: bytes, headers: Mapping[str, str]) -> Delivery:
    """Raises BadDelivery; nothing of an unverified body is looked at before the signature is."""
    text = _verified(body, headers.get("Stripe-Signature", ""))
    event = _event(text)
    return Delivery(event_id=event["id"], type=event["type"], body=text)


def _verified(body: bytes, signature: str) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadDelivery("not UTF-8") from None
    if not signature.isascii():
        raise BadDelivery("malformed signature")
    if not any(_signed_with(secret, text, signature) for secret in settings.STRIPE_WEBHOOK_SECRETS):
        raise BadDelivery("no signature of ours fits")
    return text


def _signed_with(secret: str, text: str, signature: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, signature, secret, TOLERANCE)
        stamps = [part[2:] for part in signature.split(",") if part.startswith("t=")]
        # verify_header takes any time in the future; we do not, and one time only.
        return len(stamps) == 1 and int(stamps[0]) <= time.time() + TOLERANCE
    except (stripe.SignatureVerificationError, ValueError, IndexError):
        return False


def _event(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise BadDelivery("not JSON") from None
    if not isinstance(event, dict) or event.get("object") != "event":
        raise BadDelivery("not an event")
    for name, longest in (("id", 255), ("type", 120)):
        value = event.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest or not _is_plain(value):
            raise BadDelivery(f"no usable {name}")
    if event.get("livemode") is not settings.STRIPE_LIVE_MODE:
        raise Misdirected("wrong mode (live or test)", event["id"])
    # What happens to those whom we pay comes from their accounts; the rule asks whether we do.
    of_payee = event["type"].startswith(OF_PAYEES)
    if event.get("account") not in (None, settings.STRIPE_ACCOUNT) and not of_payee:
        raise Misdirected("foreign account", event["id"])
    return event


def _is_plain(name: str) -> bool:
    # JSON can spell a NUL and halves of letters, which no column can hold.
    return name.isascii() and name.isprintable()
