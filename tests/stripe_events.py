"""Stripe's events as Stripe sends them: the fields that we read, and the envelope."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import httpx
import stripe
from django.conf import settings

API_VERSION = "2026-05-27.dahlia"
numbers = itertools.count(1)


def event(kind: str, thing: dict[str, Any], **envelope: Any) -> dict[str, Any]:
    return {
        "id": f"evt_{time.time_ns()}{next(numbers)}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(time.time()),
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **envelope,
    }


def payment_intent(**fields: Any) -> dict[str, Any]:
    return {
        "id": f"pi_{time.time_ns()}{next(numbers)}",
        "object": "payment_intent",
        "amount": 1900,
        "amount_received": 1900,
        "currency": "usd",
        "customer": None,
        "created": int(time.time()),
        "description": None,
        "last_payment_error": None,
        "latest_charge": f"ch_{time.time_ns()}{next(numbers)}",
        "metadata": {},
        "status": "succeeded",
        **fields,
    }


def sign(body: str, *, secret: str | None = None, at: int | None = None) -> str:
    return stripe.WebhookSignature.generate_signature_header(
        body, secret or settings.STRIPE_WEBHOOK_SECRETS[0], at
    )


def doorstep() -> httpx.Client:
    """The whole WSGI application, as a server would call it."""
    from config.wsgi import application

    transport = httpx.WSGITransport(app=application)
    return httpx.Client(transport=transport, base_url="http://testserver")


def deliver(happened: dict[str, Any], **headers: str) -> httpx.Response:
    body = json.dumps(happened)
    signed = {"Stripe-Signature": sign(body), "Content-Type": "application/json", **headers}
    with doorstep() as client:
        return client.post("/webhooks/stripe", content=body, headers=signed)
