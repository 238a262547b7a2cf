"""Money that goes back at the provider, told as stories: what refunds, banks and disputes do to one
payment, one thing after the other."""

from __future__ import annotations

import random
from typing import Any

from billing import bookkeeping
from billing.models import Payment
from billing.providers import get_provider
from billing.wallet import ledger
from sessions_live.models import User
from tests.billing.conftest import Shop

STORIES = (
    "refund",
    "refund 400, refund",
    "refund 400, refund fails",
    "refund 400, dispute, won",
    "refund 400, dispute, lost",
    "refund 400, dispute, refund fails, lost",
    "dispute, refund refused, won",
    "dispute, refund refused, lost",
    "dispute 300, lost",
    "inquiry, refund 400, refund",
    "inquiry, escalate, lost",
    "inquiry, refund 400, escalate, won, refund fails",
)
KINDS = ("a plan", "held", "released")
AMOUNT = 1_900
URL = "/api/v1/escrow-payments"


class Told:
    """One payment, and what happens to it; nobody of ours hears of that before `hear`."""

    def __init__(self, shop: Shop, kind: str, *, payee: User | None = None) -> None:
        self.shop = shop
        self.payer, self.payee = shop.person(), payee or shop.person()
        self.known = {each["id"] for each in shop.stripe.events()}
        self.intent = self.buys() if kind == "a plan" else self.pays_into_escrow()
        if kind == "released":
            escrow = Payment.objects.get(provider_id=self.intent).pk
            self.shop.client(self.payer).post(f"{URL}/{escrow}/release")
        self.ids: dict[str, str] = {}

    def buys(self) -> str:
        """A plan: the news of its payment is told together with what comes later."""
        self.shop.buy(self.payer, "lifetime")
        paid = [each for each in self.news() if each["type"] == "payment_intent.succeeded"]
        intent: dict[str, Any] = paid[0]["data"]["object"]
        self.amount = int(intent["amount"])
        return str(intent["id"])

    def pays_into_escrow(self) -> str:
        self.amount = AMOUNT
        wish = {"payee": self.payee.email, "amount": AMOUNT, "currency": "usd"}
        agreed = self.shop.client(self.payer).post(URL, wish).json()
        intent = str(agreed["client_secret"].split("_secret_")[0])
        self.shop.stripe.control(f"payment_intents/{intent}/confirm", card="4242424242424242")
        self.hear()
        return intent

    def news(self) -> list[dict[str, Any]]:
        return [each for each in self.shop.stripe.events() if each["id"] not in self.known]

    def hear(self, *, seed: int | None = None) -> None:
        """All that is new, twice, and in any order."""
        news = self.news() * 2
        if seed is not None:
            random.Random(seed).shuffle(news)
        self.shop.hear(*news)
        self.known |= {each["id"] for each in news}

    def happens(self, story: str) -> None:
        for happening in story.split(", "):
            what, _, how = happening.partition(" ")
            getattr(self, what)(how)

    # --- at the provider --------------------------------------------------------------------------
    def refund(self, how: str) -> None:
        if how == "fails":
            self.control(f"refunds/{self.ids['refund']}/settle", status="failed")
            return
        body = {"payment_intent": self.intent, **({"amount": how} if how.isdigit() else {})}
        answer = self.shop.stripe.stripe.post("/v1/refunds", data=body).json()
        if how == "refused":
            assert answer["error"]["code"] == "charge_disputed", answer
        else:
            self.ids["refund"] = answer["id"]

    def dispute(self, how: str, **more: Any) -> None:
        more |= {"amount": int(how)} if how else {}
        self.ids["dispute"] = self.control("disputes", payment_intent=self.intent, **more)["id"]

    def inquiry(self, how: str) -> None:
        self.dispute(how, reason="inquiry")

    def escalate(self, how: str) -> None:
        self.control(f"disputes/{self.ids['dispute']}/escalate")

    def won(self, how: str) -> None:
        self.control(f"disputes/{self.ids['dispute']}/close", status="won")

    def lost(self, how: str) -> None:
        self.control(f"disputes/{self.ids['dispute']}/close", status="lost")

    def control(self, path: str, **body: Any) -> Any:
        answer = self.shop.stripe.control(path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()


def balances_agree() -> bool:
    """The provider's own word for what it holds for us, beside ours; and our books are right."""
    bookkeeping.collect_fees()
    ours = -ledger.balance("stripe:clearing", "usd").amount
    return get_provider("stripe").balance() == {"usd": ours} and bool(bookkeeping.verify()["ok"])
