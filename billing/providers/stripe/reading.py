"""The small words of Stripe's objects: ids, instants, and what an invoice is for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

PROVIDER = "stripe"
Payload = Mapping[str, Any]


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def instant_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else instant(seconds)


def id_of(reference: Any) -> str:
    """An expandable field is an id, an object, or null."""
    if reference is None:
        return ""
    return str(reference if isinstance(reference, str) else reference["id"])


def subscription_of_invoice(invoice: Payload) -> tuple[str, Mapping[str, str]]:
    """Its id and its metadata."""
    details = invoice.get("subscription_details")
    if "parent" in invoice:
        details = (invoice["parent"] or {}).get("subscription_details")
        return id_of((details or {}).get("subscription")), (details or {}).get("metadata") or {}
    return id_of(invoice["subscription"]), (details or {}).get("metadata") or {}
