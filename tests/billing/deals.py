"""A payment into escrow through the API, its two sides, and what the books hold of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from billing import bookkeeping
from sessions_live.models import User

if TYPE_CHECKING:
    from tests.billing.conftest import Shop

URL = "/api/v1/escrow-payments"
DECLINED = "4000000000000341"


class Deal:
    """Alice pays Bob through escrow."""

    def __init__(self, shop: Shop, alice: User, bob: User) -> None:
        self.shop, self.alice, self.bob = shop, alice, bob
        self.hers, self.his = shop.client(alice), shop.client(bob)

    def ask(self, amount: int = 10_000, *, key: str = "", **body: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        wish = {"payee": self.bob.email, "amount": amount, "currency": "usd", "description": "Ad"}
        return self.hers.post(URL, {**wish, **body}, headers=headers)

    def open(self, amount: int = 10_000, **body: Any) -> str:
        answer = self.ask(amount, **body)
        assert answer.status_code == 201, answer.json()
        return str(answer.json()["id"])

    def pay(self, escrow_id: str, card: str = "4242424242424242") -> None:
        intent = self.hers.get(f"{URL}/{escrow_id}").json()["client_secret"].split("_secret_")[0]
        self.shop.stripe.control(f"payment_intents/{intent}/confirm", card=card)

    def hold(self, amount: int = 10_000, **body: Any) -> str:
        escrow_id = self.open(amount, **body)
        self.pay(escrow_id)
        self.shop.hear()
        assert self.state(escrow_id)["status"] == "held"
        return escrow_id

    def state(self, escrow_id: str) -> Any:
        return self.hers.get(f"{URL}/{escrow_id}").json()

    def release(self, escrow_id: str, *, key: str = "", **body: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.hers.post(f"{URL}/{escrow_id}/release", body, headers=headers)

    def wallet(self) -> Any:
        balances = self.his.get("/api/v1/wallet").json()["balances"]
        return next((each for each in balances if each["currency"] == "usd"), None)


def balances() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, balance FROM audit_account WHERE balance <> 0")
        return dict(cursor.fetchall())


def right() -> bool:
    return bool(bookkeeping.verify()["ok"])
