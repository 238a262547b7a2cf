"""The thinnest thing in the house: verify, one INSERT, 200.

A bare WSGI callable before Django, because Django's request cycle costs more than the work itself.
Nothing is stored, logged or looked at before the signature is right.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import connection
from psycopg_pool import PoolTimeout

from billing.providers import get_provider
from billing.providers.base import BadDelivery, Misdirected
from billing.providers.facts import Delivery
from billing.webhooks.bell import bell
from config.kit import request_id
from config.kit.errors import error_body

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)
alarm = logging.getLogger("alarm")

PATHS = {"/webhooks/stripe": "stripe"}
LARGEST = 1_000_000
STORE = """
    INSERT INTO webhooks_webhookevent
        (provider, event_id, type, body, request_id, status, attempts, error)
    VALUES (%s, %s, %s, %s, %s, 'received', 0, '')
    ON CONFLICT (provider, event_id) DO NOTHING
"""
REASONS = {
    200: "OK",
    400: "Bad Request",
    405: "Method Not Allowed",
    413: "Content Too Large",
    503: "Service Unavailable",
}


class WebhookDoor:
    def __init__(self, otherwise: WSGIApplication) -> None:
        self.otherwise = otherwise

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        provider = PATHS.get(environ.get("PATH_INFO", "").rstrip("/"))
        if provider is None:
            return self.otherwise(environ, start_response)
        asked = accepted_request_id(environ)
        status, body = receive(provider, environ, asked)
        answer = json.dumps(body).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(answer))),
            ("X-Request-ID", asked),
        ]
        if status == 503:
            headers.append(("Retry-After", "5"))
        start_response(f"{status} {REASONS[status]}", headers)
        return [answer]


def accepted_request_id(environ: WSGIEnvironment) -> str:
    return request_id.accept(environ.get("HTTP_X_REQUEST_ID"))


def receive(provider: str, environ: WSGIEnvironment, asked: str) -> tuple[int, dict[str, Any]]:
    if environ["REQUEST_METHOD"] != "POST":
        return refusal(405, "method_not_allowed", "Webhooks are POSTed.")
    try:
        body = read_body(environ)
        if body is None:
            return refusal(413, "too_large", "An event is at most one megabyte.")
        delivery = get_provider(provider).read_delivery(body, headers_of(environ))
    except Misdirected as bad:
        known = {"event_id": bad.event_id, "request_id": asked, "provider": provider}
        alarm.error("webhook refused: %s", bad, extra=known)
        return refusal(400, "bad_delivery", f"Refused: {bad}.")
    except BadDelivery as bad:
        log.warning("webhook refused: %s", bad, extra={"request_id": asked, "provider": provider})
        return refusal(400, "bad_delivery", f"Refused: {bad}.")
    try:
        store(provider, delivery, asked)
    except (psycopg.Error, PoolTimeout):
        log.exception("webhook not stored: %s", delivery.event_id, extra={"request_id": asked})
        return refusal(503, "not_stored", "Could not be stored; send it again.")
    bell.ring()
    return 200, {"received": True, "event_type": delivery.type}


def read_body(environ: WSGIEnvironment) -> bytes | None:
    """None when it is too large; never more than the limit is held in memory. Raises BadDelivery
    for a sender that hung up in between: only the announced length tells it from one who was done.
    """
    try:
        length = int(environ.get("CONTENT_LENGTH") or "")
    except ValueError:
        raise BadDelivery("no Content-Length") from None
    if length > LARGEST:
        return None
    body: bytes = environ["wsgi.input"].read(max(length, 0))
    if len(body) < length:
        raise BadDelivery("cut short")
    return body


def headers_of(environ: WSGIEnvironment) -> Mapping[str, str]:
    return {
        "Stripe-Signature": environ.get("HTTP_STRIPE_SIGNATURE", ""),
        "Paddle-Signature": environ.get("HTTP_PADDLE_SIGNATURE", ""),
    }


def store(provider: str, delivery: Delivery, asked: str) -> None:
    """One statement, its own commit; a duplicate changes nothing."""
    pool = connection.pool  # type: ignore[attr-defined]
    pool.open()
    with pool.connection() as postgres:
        postgres.autocommit = True
        postgres.execute(
            STORE, (provider, delivery.event_id, delivery.type, delivery.body, asked), prepare=True
        )


def refusal(status: int, code: str, detail: str) -> tuple[int, dict[str, Any]]:
    return status, error_body(code=code, detail=detail, status=status)
