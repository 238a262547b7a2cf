"""Somebody who is paid, and has it sent to a bank."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from billing.mails.models import Mail
from billing.wallet import funds, ledger
from billing.wallet.payout_models import Payout, PayoutAccount
from config.kit.money import Money
from config.kit.redis_client import redis_client
from sessions_live.line import feed_key
from sessions_live.models import User
from sessions_live.rooms import payments_room

if TYPE_CHECKING:
    from tests.billing.conftest import Shop

URL = "/api/v1/payouts"
ACCOUNT = "/api/v1/payout-account"
RICH = "4000000000000077"


class Earner:
    """Somebody with money in the wallet, and a bank."""

    def __init__(self, shop: Shop, user: User) -> None:
        self.shop, self.user, self.api = shop, user, shop.client(user)

    def earns(self, amount: int) -> None:
        with transaction.atomic():
            ledger.post(
                reference=f"earned:{self.user.pk}:{amount}:{Payout.objects.count()}",
                entries=[
                    ("stripe:clearing", Money(-amount, "usd")),
                    *funds.arriving(self.user.pk, Money(amount, "usd")),
                ],
            )

    def asks(self, amount: int, *, key: str = "", currency: str = "usd") -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.api.post(URL, {"amount": amount, "currency": currency}, headers=headers)

    def onboards(self) -> None:
        link = self.api.post(ACCOUNT, {})
        assert link.status_code == 201, link.json()
        form = {"name": "Maria Sol", "account_number": "000123456789"}
        done = self.shop.stripe.http.post(link.json()["url"], data=form)
        assert done.status_code == 303, done.text
        self.hear()

    def hear(self) -> None:
        """The platform's events, and those of this person's account."""
        account = PayoutAccount.objects.get(user=self.user)
        told = self.shop.stripe.stripe.get(
            "/v1/events",
            params={"limit": 100},
            headers={"Stripe-Account": account.provider_id or ""},
        ).json()["data"]
        self.shop.hear(*told[::-1])

    def standing(self) -> tuple[int, int]:
        """In the wallet; on its way to the bank."""
        wallet = funds.available(self.user.pk, "usd").amount
        return wallet, ledger.balance("payouts:in_transit", "usd").amount

    def payouts(self) -> list[str]:
        return [each["status"] for each in self.api.get(URL).json()["results"]]

    def news(self) -> list[str]:
        entries: Any = redis_client().xrange(feed_key(payments_room(self.user.pk)))
        frames = [json.loads(fields[b"frame"]) for _, fields in entries]
        return [f["data"]["status"] for f in frames if f["type"] == "payout:update"]

    def mails(self) -> list[Mail]:
        """Those about payouts that are to be sent, the earlier first."""
        about = Mail.objects.filter(user=self.user, template__startswith="payout_")
        return list(about.exclude(status="skipped").order_by("created_at"))


def settle(earner: Earner, status: str, **more: str) -> None:
    sent = Payout.objects.exclude(provider_id=None).latest("created_at")
    earner.shop.stripe.control(
        f"payouts/{sent.provider_id}/settle", status=status, **more
    ).raise_for_status()
    earner.hear()


def due_now() -> None:
    Payout.objects.update(due_at=timezone.now() - timedelta(seconds=1))
