"""Somebody who earns through escrow and is paid out, as the served product lets them."""

from __future__ import annotations

import json
from typing import Any

from tests.product import Product
from tests.scorecard.volley import Shot, post, volley
from tests.waiting import eventually

# Its money can be paid out at once.
RICH = "4000000000000077"
FORM = {"name": "Maria Sol", "account_number": "000123456789"}


class Payee:
    def __init__(self, product: Product) -> None:
        self.product = product
        self.person = product.person()
        self.payer = product.person()
        self.earned = 0

    def earns(self, net: int) -> None:
        """So much that it is left after the platform's tenth."""
        wish = {"payee": self.person.email, "amount": round(net / 0.9), "currency": "usd"}
        agreed = self.payer.post("escrow-payments", **wish).json()
        intent = agreed["client_secret"].split("_secret_")[0]
        self.product.stripe.control(f"payment_intents/{intent}/confirm", card=RICH)
        # Whoever looks before the webhook has come makes us ask.
        assert self.payer.get(f"escrow-payments/{agreed['id']}")["status"] == "held"
        released = self.payer.post(f"escrow-payments/{agreed['id']}/release")
        assert released.status_code == 200, released.text
        self.earned += net
        assert self.available() == self.earned

    def onboards(self) -> None:
        link = self.person.post("payout-account")
        assert link.status_code == 201, link.text
        assert self.product.stripe.http.post(link.json()["url"], data=FORM).status_code == 303
        eventually(lambda: self.person.get("payout-account")["status"] == "ready", within=30)

    def asks(self, amount: int) -> str:
        answer = self.person.post("payouts", amount=amount, currency="usd")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def asks_at_once(self, amount: int, *, copies: int) -> list[Shot]:
        body = json.dumps({"amount": amount, "currency": "usd"}).encode()
        headers = [
            (b"Authorization", self.person.http.headers["Authorization"].encode()),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(body)).encode()),
        ]
        request = post(body, headers, path=b"/api/v1/payouts")
        return volley(self.product.url, request, copies=copies)

    # --- what came of it --------------------------------------------------------------------------
    def available(self) -> int:
        balances = self.person.get("wallet")["balances"]
        return int(balances[0]["available_balance"]) if balances else 0

    def payouts(self, *statuses: str) -> list[dict[str, Any]]:
        found = self.person.get("payouts?page_size=100")["results"]
        return [each for each in found if not statuses or each["status"] in statuses]

    def is_constant(self) -> bool:
        """What was earned is in the wallet, on its way, or with the bank."""
        away = self.payouts("pending", "in_transit", "paid")
        return self.available() + sum(each["amount"] for each in away) == self.earned

    # --- at the provider --------------------------------------------------------------------------
    @property
    def account(self) -> str:
        query = (
            "SELECT a.provider_id FROM wallet_payoutaccount a JOIN sessions_live_user u"
            " ON u.id = a.user_id WHERE u.email = %s"
        )
        return str(self.product.value(query, self.person.email))

    def sent(self) -> list[dict[str, Any]]:
        """Payouts to this person's bank, as the provider has them."""
        asked = self.product.stripe.stripe.get(
            "/v1/payouts", params={"limit": 100}, headers={"Stripe-Account": self.account}
        )
        found: list[dict[str, Any]] = asked.json()["data"]
        return found

    def funded(self) -> list[dict[str, Any]]:
        found = self.product.stripe.get("transfers", destination=self.account, limit=100)["data"]
        return list(found)

    def bank_says(self, payout: dict[str, Any], status: str) -> None:
        path = f"payouts/{payout['id']}/settle"
        self.product.stripe.control(path, status=status).raise_for_status()
