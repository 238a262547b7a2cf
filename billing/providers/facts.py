"""What a provider tells us, in our own words: the vocabulary that crosses the border. Of money that
goes back, and of whom we pay, it is in `money_back_facts` and `payout_facts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from config.kit.money import Money

# Where two facts carry the same second, the later in an object's life wins.
CREATED, UPDATED, ENDED = 0, 1, 2
# Read from the provider to settle a tie: as good as anything known up to then.
READ = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    provider: str
    # When the provider says that it became so, to the second.
    at: datetime
    rank: int = UPDATED
    # Set once the provider was asked about this very fact: it is applied as it stands.
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMade(Fact):
    """`key` is our own row's."""

    key: str
    made_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutOpened(Fact):
    checkout_id: str
    order_id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOpened(Fact):
    """A payment intent or a hosted page for an item. `refusal` says why the card on file was
    declined, where it was."""

    purchase_id: str
    opened_id: str
    status: str
    client_secret: str = ""
    url: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutPaid(Fact):
    checkout_id: str
    order_id: str
    customer_id: str = ""
    subscription_id: str = ""
    payment_id: str = ""
    payment_status: str
    total: Money
    purchase_id: str = ""
    escrow_id: str = ""
    discount: int = 0
    tax: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutFailed(Fact):
    checkout_id: str
    order_id: str
    expired: bool
    purchase_id: str = ""
    escrow_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to charge, and what the bank said."""

    charge_id: str
    succeeded: bool
    at: datetime
    code: str = ""
    decline_code: str = ""
    message: str = ""
    method: str = ""
    # The provider's own words, without secrets, for staff.
    error: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFact(Fact):
    # Empty where the payload names the invoice alone.
    payment_id: str
    customer_id: str
    money: Money
    order_id: str = ""
    escrow_id: str = ""
    purchase_id: str = ""
    invoice_id: str = ""
    subscription_id: str = ""
    description: str = ""
    created_at: datetime
    attempt: Attempt | None = None
    # Told by a hosted page alone.
    discount: int | None = None
    tax: int | None = None


class PaymentSucceeded(PaymentFact):
    @classmethod
    def of_checkout(cls, fact: CheckoutPaid) -> PaymentSucceeded:
        """What a paid checkout says of its payment."""
        return cls(
            provider=fact.provider,
            at=fact.at,
            payment_id=fact.payment_id,
            customer_id=fact.customer_id,
            money=fact.total,
            order_id=fact.order_id,
            purchase_id=fact.purchase_id,
            escrow_id=fact.escrow_id,
            created_at=fact.at,
            discount=fact.discount,
            tax=fact.tax,
        )


class PaymentProcessing(PaymentFact):
    pass


class PaymentFailed(PaymentFact):
    pass


class PaymentCanceled(PaymentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowOpened(Fact):
    """The provider waits for the payer's card. The secret is for the payer's browser alone."""

    escrow_id: str
    payment_id: str
    customer_id: str
    client_secret: str
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowPageOpened(Fact):
    """A hosted page waits for the payer; its payment begins when they try to pay."""

    escrow_id: str
    checkout_id: str
    customer_id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentBelongsToInvoice(Fact):
    """Which payment intent paid which invoice; neither object says so by itself."""

    payment_id: str
    invoice_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPrice:
    """What a subscription is going to be for, from some day on."""

    price_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitedPrice:
    """What a subscription is for as soon as this invoice is paid, which its customer's bank lets
    happen only if they confirm it."""

    price_id: str
    invoice_id: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicedLine:
    """Of a period in the provider's seconds, where it has one."""

    description: str
    quantity: int
    amount: int
    period_start: int | None = None
    period_end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillTo:
    name: str
    email: str
    address: tuple[str, ...]
    tax_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceChanged(Fact):
    """All amounts are of its currency's minor unit."""

    invoice_id: str
    customer_id: str
    subscription_id: str
    number: str
    status: str
    currency: str
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    hosted_url: str
    provider_pdf_url: str
    period_start: datetime | None
    period_end: datetime | None
    created_at: datetime
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    attempt_count: int
    next_attempt_at: datetime | None
    lines: tuple[InvoicedLine, ...]
    bill_to: BillTo


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionChanged(Fact):
    subscription_id: str
    customer_id: str
    order_id: str
    status: str
    price_id: str
    lookup_key: str
    interval: str
    money: Money
    created_at: datetime
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    # cancellation_requested, payment_failed, payment_disputed, or nothing.
    end_reason: str = ""
    # Of a paused one: until when it was paid, and whether the provider would charge all the same.
    paid_until: datetime | None = None
    pause_lifted: bool = False
    # What stands ahead is in another object, which only some readings bring along: None is unknown.
    schedule_id: str = ""
    ahead: tuple[PlannedPrice, ...] | None = None
    awaited: AwaitedPrice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnding(Fact):
    """A trial ends in three days, or sooner where it is shorter. `method` is what will be charged
    then, known once it was asked for; empty where there is none."""

    subscription_id: str
    customer_id: str
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogChanged(Fact):
    """A price or product as the provider now has it; `price_id` or `product_id` is set."""

    price_id: str = ""
    product_id: str = ""
    active: bool
    money: Money | None = None
    interval: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFee(Fact):
    """What the provider kept of one movement in its own books; a minus came back."""

    transaction_id: str
    money: Money
    for_what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook whose signature, mode and account are right."""

    event_id: str
    type: str
    body: str
