"""Somebody whose renewal has failed, what is kept of it, and what one does about it."""

from __future__ import annotations

from typing import Any

from billing.mails.models import Mail
from billing.models import Invoice, PaymentAttempt
from tests.billing.life import Life

DECLINED, EXPIRED, ASKING = "4000000000000341", "4000000000000069", "4000002760003184"
# Renewal, and the hour that its invoice is a draft.
RENEWAL = 31.1


def miss_the_renewal(life: Life) -> Life:
    life.use_card(DECLINED)
    life.advance(RENEWAL)
    return life


def owed() -> Invoice:
    return Invoice.objects.filter(status="open").latest("created_at")


def failures() -> list[PaymentAttempt]:
    return list(PaymentAttempt.objects.filter(succeeded=False))


def told(life: Life) -> list[tuple[str, str]]:
    """The mails about money that did not come: template and occasion."""
    rows = Mail.objects.filter(user=life.user, key__startswith="payment_failed:").exclude(
        status="skipped"
    )
    return [(mail.template, mail.key.rpartition(":")[2]) for mail in rows.order_by("id")]


def pay(life: Life, key: str = "") -> Any:
    return life.post("pay", key=key)
