"""Pages of what Stripe has, for comparing it with what we have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from billing.providers.base import NotFound, UnknownShape
from billing.providers.comparing import CustomerSeen, Listed, Movement
from billing.providers.facts import READ, Delivery, Fact, InvoiceChanged
from billing.providers.stripe import collecting, intents, invoices, movements, translation
from billing.providers.stripe.client import stripe_says
from billing.providers.stripe.reading import STUMBLES, instant

T = TypeVar("T")
Page = Mapping[str, Any]
Read = Callable[[Mapping[str, Any]], Iterable[T]]


class StripeLists:
    def list_events(self, since: datetime | None, after: str) -> Listed[Delivery]:
        """Stripe keeps them for thirty days."""
        with stripe_says() as stripe:
            listed = stripe.v1.events.list(_params(since, after))  # type: ignore[arg-type]
        # As it was sent: the package makes decimals of some numbers, and an inbox keeps the text.
        page = json.loads(listed.last_response.body)  # type: ignore[union-attr]
        return _listed(page, _delivery)

    def list_customers(
        self, since: datetime | None, after: str, customer: str
    ) -> Listed[CustomerSeen]:
        if customer:
            return _one(customer, self.read_customer)
        with stripe_says() as stripe:
            page = stripe.v1.customers.list(_params(since, after)).to_dict()  # type: ignore[arg-type]
        return _listed(page, lambda each: [_customer(each)])

    def list_subscriptions(self, since: datetime | None, after: str, customer: str) -> Listed[Fact]:
        params = {**_params(since, after, customer), "status": "all"}
        with stripe_says() as stripe:
            page = stripe.v1.subscriptions.list(params).to_dict()  # type: ignore[arg-type]
        now = datetime.now(UTC)
        return _listed(page, lambda each: [translation.subscription_fact(each, now, READ)])

    def list_invoices(
        self, since: datetime | None, after: str, customer: str
    ) -> Listed[InvoiceChanged]:
        with stripe_says() as stripe:
            page = stripe.v1.invoices.list(_params(since, after, customer)).to_dict()  # type: ignore[arg-type]
        now = datetime.now(UTC)
        return _listed(page, lambda each: [invoices.invoice_fact(each, now, READ)])

    def list_payments(self, since: datetime | None, after: str, customer: str) -> Listed[Fact]:
        params = {**_params(since, after, customer), "expand": ["data.latest_charge"]}
        with stripe_says() as stripe:
            page = stripe.v1.payment_intents.list(params).to_dict()  # type: ignore[arg-type]
        return _listed(page, intents.story)

    def list_movements(self, since: datetime | None, after: str, customer: str) -> Listed[Movement]:
        if customer:
            return self._movements_of(since, after, customer)
        params = {**_params(since, after), "expand": ["data.source"]}
        with stripe_says() as stripe:
            page = stripe.v1.balance_transactions.list(params).to_dict()  # type: ignore[arg-type]
        return _listed(page, lambda each: [movements.movement(each)])

    def _movements_of(self, since: datetime | None, after: str, customer: str) -> Listed[Movement]:
        """Stripe's books cannot be asked for a customer, but their payments can."""
        params = {
            **_params(since, after, customer),
            "expand": ["data.latest_charge.balance_transaction"],
        }
        with stripe_says() as stripe:
            page = stripe.v1.payment_intents.list(params).to_dict()  # type: ignore[arg-type]
        return _listed(page, movements.of_intent)

    def read_customer(self, customer_id: str) -> CustomerSeen:
        with stripe_says() as stripe:
            customer = stripe.v1.customers.retrieve(customer_id).to_dict()
        if customer.get("deleted"):
            raise NotFound(words="It was deleted.")
        return _customer(customer)

    def read_invoice_alone(self, invoice_id: str) -> InvoiceChanged:
        return collecting.read_invoice_alone(invoice_id)

    def read_movement(self, movement_id: str) -> Movement:
        return movements.read(movement_id)

    def movement_of(self, kind: str, object_id: str) -> Movement | None:
        return movements.FINDERS[kind](object_id)

    def read_source(self, kind: str, object_id: str) -> list[Fact]:
        return movements.source(kind, object_id)


def _params(since: datetime | None, after: str, customer: str = "") -> dict[str, Any]:
    params: dict[str, Any] = {"limit": 100}
    if since is not None:
        params["created"] = {"gte": int(since.timestamp())}
    if after:
        params["starting_after"] = after
    if customer:
        params["customer"] = customer
    return params


def _listed(page: Page, read: Read[T]) -> Listed[T]:
    """What cannot be read is named instead: one odd object must not hide the others."""
    items: list[T] = []
    unreadable: dict[str, str] = {}
    for each in page["data"]:
        try:
            items += read(each)
        except (*STUMBLES, UnknownShape) as error:
            unreadable[each["id"]] = f"{type(error).__name__} {error}"
    return Listed(
        items=items,
        after=page["data"][-1]["id"] if page["has_more"] else "",
        ids=tuple(each["id"] for each in page["data"]),
        oldest=instant(page["data"][-1]["created"]) if page["data"] else None,
        unreadable=unreadable,
    )


def _one(customer_id: str, read: Callable[[str], CustomerSeen]) -> Listed[CustomerSeen]:
    try:
        return Listed(items=[read(customer_id)], after="", ids=(customer_id,))
    except NotFound:
        return Listed(items=[], after="")


def _delivery(event: Mapping[str, Any]) -> list[Delivery]:
    return [Delivery(event_id=event["id"], type=event["type"], body=json.dumps(event))]


def _customer(customer: Mapping[str, Any]) -> CustomerSeen:
    return CustomerSeen(
        customer_id=customer["id"],
        key=(customer.get("metadata") or {}).get("customer_id", ""),
        created_at=instant(customer["created"]),
    )
