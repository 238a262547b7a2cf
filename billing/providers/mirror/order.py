"""Which of two payloads of the same second is the newer one, as far as they can tell.

Stripe's clock counts whole seconds, and one act of a customer makes several events within one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BEGINNING = {
    "draft",
    "incomplete",
    "pending",
    "processing",
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
}
# No way leads back from these; among the others the last one to arrive is believed.
END = {
    "canceled",
    "complete",
    "expired",
    "failed",
    "incomplete_expired",
    "lost",
    "paid",
    "succeeded",
    "uncollectible",
    "void",
    "warning_closed",
    "won",
}
VERBS = {"created": 0, "updated": 2, "refunded": 2}
DELETED = 100


def rank_of(event_type: str, shown: Mapping[str, Any]) -> int:
    verb = event_type.rpartition(".")[2]
    if verb == "deleted":
        return DELETED
    status = shown.get("status")
    progress = 2 if status in END else 0 if status in BEGINNING else 1
    return 10 * progress + VERBS.get(verb, 1)
