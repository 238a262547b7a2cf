"""Distinct signed events, made before the clock starts so that the client has little to do."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time

from tests.benchmarks.ground import SECRET
from tests.stripe_events import event, payment_intent

CUSTOMERS = [f"cus_benchmark{number}" for number in range(20)]
numbers = itertools.count(1)

# The rest of what Stripe sends for a payment intent, so that the body has the usual size.
USUAL = {
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic_async",
    "client_secret": "pi_benchmark_secret_0123456789abcdefghijklm",
    "confirmation_method": "automatic",
    "livemode": False,
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_options": {
        "card": {"installments": None, "network": None, "request_three_d_secure": "automatic"}
    },
    "payment_method_types": ["card"],
    "processing": None,
    "receipt_email": None,
    "review": None,
    "setup_future_usage": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_data": None,
    "transfer_group": None,
}


def intent() -> dict[str, object]:
    return payment_intent(customer=CUSTOMERS[next(numbers) % len(CUSTOMERS)], **USUAL)


def signed_requests(path: str, count: int) -> list[bytes]:
    """Whole HTTP requests with a succeeded payment each."""
    return [
        _request(path, json.dumps(event("payment_intent.succeeded", intent())))
        for _ in range(count)
    ]


def _request(path: str, text: str) -> bytes:
    body, now = text.encode(), int(time.time())
    signature = hmac.new(SECRET.encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Stripe-Signature: t={now},v1={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
