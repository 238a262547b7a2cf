"""Customers of ours, so that the events about them count, and the effects that they had."""

from __future__ import annotations

import itertools
from typing import Any

from tests.product import Person, Product
from tests.stripe_events import event, payment_intent

Event = dict[str, Any]


class Crowd:
    def __init__(self, product: Product) -> None:
        self.product = product
        self._people: list[Person] = []
        self._customers: list[str] = []

    def customers(self, number: int) -> list[str]:
        """People who have opened a checkout, which makes them known to Stripe."""
        while len(self._customers) < number:
            person = self.product.person()
            person.checkout("lifetime")
            self._people.append(person)
            self._customers.append(person.customer)
        return self._customers[:number]

    def payments(self, number: int, *, of: int = 10) -> list[Event]:
        """One event each, every one with a payment of its own, by `of` customers in turn."""
        payers = itertools.cycle(self.customers(of))
        return [
            event("payment_intent.succeeded", payment_intent(customer=next(payers)))
            for _ in range(number)
        ]


class Outcome:
    """What came of events, counted in the product's rows."""

    def __init__(self, product: Product, events: list[Event]) -> None:
        self.product = product
        self.ids = [each["id"] for each in events]
        self.things = [each["data"]["object"]["id"] for each in events]

    def count(self, status: str = "%") -> int:
        query = "SELECT count(*) FROM audit_inbox WHERE event_id = ANY(%s) AND status LIKE %s"
        return int(self.product.value(query, self.ids, status))

    @property
    def taken_once(self) -> int:
        query = (
            "SELECT count(*) FROM audit_inbox"
            " WHERE event_id = ANY(%s) AND status = 'processed' AND attempts = 1"
        )
        return int(self.product.value(query, self.ids))

    @property
    def effects(self) -> int:
        """Payments, and what the bank said of each: an effect done twice would leave two."""
        query = (
            "SELECT count(*) FROM billing_payment p"
            " JOIN billing_paymentattempt a ON a.payment_id = p.id"
            " WHERE p.provider_id = ANY(%s) AND p.status = 'succeeded'"
        )
        return int(self.product.value(query, self.things))
