"""What the provider and the banks do in a random life, and the events that tell of it."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.webhooks import inbox
from tests.billing.wallet.reference import Books, Held, Payout
from tests.stripe_events import deliver, event, payment_intent

Event = dict[str, Any]
numbers = itertools.count()


def name(kind: str) -> str:
    return f"{kind}_{time.time_ns()}{next(numbers)}"


@dataclass
class News:
    said: str
    event: Event
    effect: Callable[[Books], object]

    def deliver(self) -> None:
        assert deliver(self.event).status_code == 200
        inbox.drain()


@dataclass
class Dispute:
    of: str
    id: str
    amount: int


class Bank:
    """Its side of each payment. Whether anybody of ours has heard of it is another matter."""

    def __init__(self) -> None:
        self.payments: dict[str, tuple[Held, str, str]] = {}
        self.paid: set[str] = set()
        self.gone: Counter[str] = Counter()
        self.refunds: list[tuple[str, Event]] = []
        self.disputes: list[Dispute] = []
        self.was_disputed: set[str] = set()
        self.payout_ids: dict[str, str] = {}

    def opens(self, escrow: str, held: Held, *, intent: str, customer: str) -> None:
        self.payments[escrow] = (held, intent, customer)

    def can_give_back(self, escrow: str) -> int:
        if escrow not in self.paid or any(each.of == escrow for each in self.disputes):
            return 0
        return self.payments[escrow][0].amount - self.gone[escrow]

    # --- payments ---------------------------------------------------------------------------------
    def pays(self, escrow: str, escrow_id: str) -> News:
        self.paid.add(escrow)
        told = self.of_intent("succeeded", escrow, escrow_id, status="succeeded")
        return News(f"{escrow} is paid", told, lambda books: books.hear_paid(escrow))

    def declines(self, escrow: str, escrow_id: str) -> News:
        error = {"code": "card_declined", "decline_code": "generic_decline", "message": "Declined."}
        terms = {"status": "requires_payment_method", "last_payment_error": error}
        told = self.of_intent("payment_failed", escrow, escrow_id, latest_charge=None, **terms)
        said = f"the card for {escrow} is declined"
        return News(said, told, lambda books: books.hear_not_paid(escrow, "failed"))

    def gives_up(self, escrow: str, escrow_id: str) -> News:
        told = self.of_intent(
            "canceled", escrow, escrow_id, latest_charge=None, amount_received=0, status="canceled"
        )
        said = f"{escrow} is given up"
        return News(said, told, lambda books: books.hear_not_paid(escrow, "canceled"))

    def of_intent(self, kind: str, escrow: str, escrow_id: str, **terms: Any) -> Event:
        held, intent, customer = self.payments[escrow]
        amounts = {"amount": held.amount, "amount_received": held.amount}
        whose = {"id": intent, "customer": customer, "metadata": {"escrow_id": escrow_id}}
        told = {**whose, **amounts, "currency": held.currency, **terms}
        return event(f"payment_intent.{kind}", payment_intent(**told))

    # --- what goes back ---------------------------------------------------------------------------
    def refunds_some(self, escrow: str, amount: int, *, is_slow: bool) -> list[News]:
        """A slow one has not left yet when it is told of first."""
        held, intent, _ = self.payments[escrow]
        self.gone[escrow] += amount
        refund: Event = {
            **{"id": name("re"), "object": "refund", "amount": amount, "currency": held.currency},
            **{"payment_intent": intent, "status": "succeeded", "balance_transaction": name("txn")},
        }
        self.refunds.append((escrow, refund))
        said = f"{amount} of {escrow} is refunded"
        sent = News(
            said,
            event("refund.updated" if is_slow else "refund.created", refund),
            lambda books: books.hear_refund(refund["id"], escrow, amount, came_back=False),
        )
        if not is_slow:
            return [sent]
        waits = refund | {"status": "pending", "balance_transaction": None}
        return [News(f"{said} soon", event("refund.created", waits), lambda _: None), sent]

    def bounces(self, refund: tuple[str, Event]) -> News:
        self.refunds.remove(refund)
        escrow, sent = refund
        self.gone[escrow] -= sent["amount"]
        failed = event("refund.failed", {**sent, "status": "failed"})
        return News(
            f"the refund of {sent['amount']} of {escrow} fails",
            failed,
            lambda books: books.hear_refund(sent["id"], escrow, sent["amount"], came_back=True),
        )

    def asks_back(self, escrow: str, amount: int) -> News:
        dispute = Dispute(escrow, name("du"), amount)
        self.disputes.append(dispute)
        self.was_disputed.add(escrow)
        return self.of_dispute(dispute, "created", "needs_response")

    def asks_first(self, escrow: str, amount: int) -> News:
        """An inquiry takes no money."""
        inquiry = Dispute(escrow, name("du"), amount)
        news = self.of_dispute(inquiry, "created", "warning_needs_response")
        news.said, news.effect = f"the bank inquires about {escrow}", lambda _: None
        news.event["data"]["object"]["balance_transactions"] = []
        return news

    def decides(self, dispute: Dispute, end: str) -> News:
        self.disputes.remove(dispute)
        self.gone[dispute.of] += dispute.amount if end == "lost" else 0
        return self.of_dispute(dispute, "closed", end)

    def of_dispute(self, dispute: Dispute, kind: str, status: str) -> News:
        held, intent, _ = self.payments[dispute.of]
        moved = [{"amount": -dispute.amount}, *([{"amount": dispute.amount}] * (status == "won"))]
        thing = {
            **{"id": dispute.id, "object": "dispute", "status": status, "payment_intent": intent},
            **{"amount": dispute.amount, "currency": held.currency, "balance_transactions": moved},
        }
        end = status if kind == "closed" else ""
        return News(
            f"the dispute about {dispute.amount} of {dispute.of} is {end or 'opened'}",
            event(f"charge.dispute.{kind}", thing),
            lambda books: books.hear_dispute(dispute.id, dispute.of, dispute.amount, end=end),
        )

    # --- payouts ----------------------------------------------------------------------------------
    def says(self, label: str, payout: Payout, payout_id: str, *, account: str, word: str) -> News:
        sent = self.payout_ids.setdefault(label, name("po"))
        told = of_payout(sent, payout, payout_id, word)
        return News(
            f"the bank says {word} of {label}",
            event(kind_of(word), told, account=account),
            lambda books: books.hear_payout(label, word),
        )

    def lies(self, label: str, payout: Payout, payout_id: str, *, account: str, word: str) -> News:
        """Another payout that bears the name of ours, perhaps of another's account."""
        told = of_payout(name("po"), payout, payout_id, word)
        said = f"another payout than {label} is {word}"
        return News(said, event(kind_of(word), told, account=account), lambda _: None)


def kind_of(word: str) -> str:
    return "payout.updated" if word == "in_transit" else f"payout.{word}"


def of_payout(sent: str, payout: Payout, payout_id: str, word: str) -> Event:
    amounts = {"amount": payout.amount, "currency": payout.currency}
    return {
        **{"id": sent, "object": "payout", "status": word, **amounts},
        **{"arrival_date": 1_800_000_000, "metadata": {"payout_id": payout_id}},
        **{"failure_code": None, "failure_message": None},
    }
