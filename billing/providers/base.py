"""What a payment provider must be able to do for us, and how it says no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from billing.providers.comparing import Lists
from billing.providers.facts import (
    CheckoutOpened,
    CustomerMade,
    Delivery,
    Fact,
    ProviderFee,
    PurchaseOpened,
    SubscriptionChanged,
)
from billing.providers.holding import TakesForEscrow
from billing.providers.paying_out import PaysOut
from config.kit.errors import AppError
from config.kit.money import Money


class BadDelivery(Exception):
    """A webhook that is not the provider's word: forged, stale, or not for us."""


class Misdirected(BadDelivery):
    """The provider's word, but meant for another mode or account: our endpoint is set up wrongly
    there, or its secret is known elsewhere. Somebody has to look."""

    def __init__(self, why: str, event_id: str) -> None:
        super().__init__(why)
        self.event_id = event_id


class UnknownShape(Exception):
    """A signed payload whose shape we cannot read. Never guessed at: it ends as a dead letter."""


class ProviderError(AppError):
    """The provider did not do it. `retry` tells whether asking again can help."""

    code = "provider_failed"
    status = 502
    detail = "The payment provider did not answer as expected; try again."
    retry = True


class ProviderDown(ProviderError):
    """It has not answered for a while and is left alone for `wait` seconds. Nothing was sent."""

    code = "provider_unavailable"
    status = 503
    detail = "The payment provider is out of reach at the moment; try again in a little while."

    def __init__(self, detail: str = "", *, wait: float | None = None) -> None:
        super().__init__(detail)
        self.wait = wait


class ProviderBusy(ProviderError):
    """It has too much to do; `wait` is when to come back, where it said so."""

    status = 503

    def __init__(self, detail: str = "", *, wait: float | None = None) -> None:
        super().__init__(detail)
        self.wait = wait


class ProviderRefused(ProviderError):
    """A final no to this very request. `words` are the provider's own, for staff; `reason` is its
    code, for rules."""

    detail = "The payment provider refused this; nothing was charged."
    retry = False

    def __init__(self, detail: str = "", *, words: str = "", reason: str = "") -> None:
        super().__init__(detail)
        self.words = words or self.detail
        self.reason = reason


class NotFound(ProviderRefused):
    pass


class PaymentRefused(ProviderRefused):
    """The customer's bank said no, or wants to hear from its customer first."""

    code = "payment_refused"
    status = 402


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCustomer:
    customer_key: str
    email: str
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRequest:
    """All that a hosted checkout needs, as plain values: it is kept in a row, to be asked for once
    more to the letter."""

    order_id: str
    customer_id: str
    price_id: str
    recurring: bool
    tier: str
    success_url: str
    cancel_url: str
    trial_days: int
    trial_needs_card: bool
    allow_promotion_codes: bool
    collect_billing_address: bool
    automatic_tax: bool
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutState:
    """`status` is open, complete or expired; `payment_status` paid, unpaid or
    no_payment_required."""

    provider_id: str
    status: str
    payment_status: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPrice:
    """One price to be had at the provider. `key` names it there for good."""

    key: str
    product_key: str
    product_name: str
    product_description: str
    money: Money
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionWish:
    """One change of a subscription. Made of an operation's row alone, whose id is the `key`."""

    act: str
    subscription_id: str
    key: str
    schedule_id: str = ""
    # What a change waits for that this one takes the place of.
    awaited_invoice: str = ""
    price_id: str = ""
    # The instant that a difference is counted from, as a preview told it.
    counted_from: datetime | None = None
    trial_end: datetime | None = None
    feedback: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class PreviewLine:
    description: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePreview:
    """What a change at once would cost; the lines add up to what is due."""

    due: Money
    lines: tuple[PreviewLine, ...]
    counted_from: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRequest:
    """A payment for an item that the client confirms, or with `saved_method` the provider at once;
    plain values, as of CheckoutRequest."""

    purchase_id: str
    customer_id: str
    amount: int
    currency: str
    description: str
    metadata: Mapping[str, str]
    saved_method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentState:
    status: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPageRequest:
    """A hosted page for one item; plain values, as of CheckoutRequest."""

    purchase_id: str
    customer_id: str
    name: str
    unit_amount: int
    currency: str
    quantity: int
    description: str
    metadata: Mapping[str, str]
    success_url: str
    cancel_url: str


class Provider(PaysOut, TakesForEscrow, Lists, Protocol):
    name: str

    def read_delivery(self, body: bytes, headers: Mapping[str, str]) -> Delivery:
        """Raises BadDelivery."""

    def facts(self, event: Mapping[str, Any]) -> list[Fact]:
        """What an event says; empty where it means nothing to us. Raises UnknownShape."""

    def subject(self, event: Mapping[str, Any]) -> str:
        """Whose events must be taken one after the other: the customer, or the object itself."""

    def settle(self, fact: Fact) -> list[Fact]:
        """Asks the provider about what a fact alone cannot tell. Network. Raises UnknownShape."""

    # Where a call takes a `key`, it is the operation's id: the idempotency key, and metadata of
    # what is made, by which `find_…` knows it again.

    def create_customer(self, wishes: NewCustomer, *, key: str) -> CustomerMade: ...

    def find_customer(self, wishes: NewCustomer, *, key: str) -> CustomerMade | None: ...

    def open_checkout(self, request: CheckoutRequest, *, key: str) -> CheckoutOpened: ...

    def find_checkout(self, request: CheckoutRequest, *, key: str) -> CheckoutOpened | None: ...

    def balance(self) -> dict[str, int]:
        """All that the provider holds for us, by currency, available yet or not."""

    def fees(self, since: datetime) -> Iterable[ProviderFee]:
        """What it kept of each of its movements from then on."""

    def read_checkout(self, provider_id: str) -> CheckoutState: ...

    def open_item_page(self, request: ItemPageRequest, *, key: str) -> PurchaseOpened: ...

    def find_item_page(self, request: ItemPageRequest, *, key: str) -> PurchaseOpened | None: ...

    def open_intent(self, request: IntentRequest, *, key: str) -> tuple[Fact, ...]:
        """PurchaseOpened, and what has become of it where a card on file was charged."""

    def find_intent(self, request: IntentRequest, *, key: str) -> tuple[Fact, ...]:
        """The same of one that was opened already; empty where none was."""

    def read_intent(self, provider_id: str) -> IntentState: ...

    def cancel_intent(self, provider_id: str, *, key: str) -> IntentState: ...

    def saved_card(self, customer_id: str) -> str:
        """The card on file that is charged when nobody is there; empty where there is none."""

    def expire_checkout(self, provider_id: str) -> None: ...

    def cancel_subscription(self, subscription_id: str, *, key: str) -> Fact:
        """At once, with nothing given back."""

    def canceled_subscription(self, subscription_id: str) -> Fact | None:
        """What it ended as; None where it still runs."""

    def change_subscription(self, wish: SubscriptionWish) -> SubscriptionChanged:
        """Carries a wish out, and tells what came of it. Raises PaymentRefused, ProviderError."""

    def read_subscription(self, subscription_id: str) -> SubscriptionChanged: ...

    def pay_invoice(self, invoice_id: str, *, key: str) -> tuple[Fact, ...]:
        """Collects what is open, now. Raises PaymentRefused, ProviderError."""

    def read_invoice(self, invoice_id: str) -> tuple[Fact, ...]:
        """With its payment, and its subscription."""

    def answered_invoice(self, invoice_id: str) -> tuple[Fact, ...] | None:
        """None where it is open still, and nobody is waited for."""

    def close_invoice(self, invoice_id: str, how: str, *, key: str) -> Fact:
        """`void`: it is not owed any more; `rest`: it is not tried again by itself."""

    def closed_invoice(self, invoice_id: str, how: str) -> Fact | None: ...

    def open_portal(self, customer_id: str, return_url: str, *, key: str) -> tuple[str, str]:
        """Id and address of a page where the customer sees to cards; the same for the same key."""

    def preview_change(self, subscription_id: str, price_id: str) -> ChangePreview: ...

    def methods_of(self, customer_id: str) -> list[str]:
        """The ids of the cards and accounts that the customer has saved."""

    def scrub_customer(self, customer_id: str, *, key: str) -> None:
        """Takes all that is personal out of it, and lets its cards go."""

    def is_scrubbed(self, customer_id: str) -> bool: ...

    def publish_prices(self, prices: Iterable[ListedPrice]) -> dict[str, tuple[str, str]]:
        """Makes the provider's catalogue as listed; key → (price id, product id). Repeatable."""
