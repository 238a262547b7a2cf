"""A change of plan that its customer's bank asks about first: until they confirm it, they keep what
they have, and nothing is charged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing import mails
from billing.models import Invoice, Price, Subscription
from config.kit.money import Money

# Whoever is there confirms at once, and needs no mail.
SETTLES = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Awaited:
    """`invoice` is what has to be paid for it; its page is where one confirms."""

    price: Price
    until: datetime | None
    invoice: Invoice

    @property
    def url(self) -> str:
        return self.invoice.hosted_url

    @property
    def due(self) -> Money:
        return self.invoice.money("amount_remaining")


def awaited_by(subscription: Subscription | None) -> Awaited | None:
    if subscription is None or not (subscription.is_live and subscription.awaits_confirmation):
        return None
    invoice = Invoice.objects.filter(
        provider=subscription.provider,
        provider_id=subscription.awaited_invoice,
        status=Invoice.Status.OPEN,
    ).first()
    price = subscription.awaited_price
    return Awaited(price, subscription.awaited_until, invoice) if invoice and price else None


def tell(subscription: Subscription) -> None:
    """Safe to repeat, by whichever of its events comes last."""
    awaited = awaited_by(subscription)
    if awaited is None:
        return
    mails.queue(
        user=subscription.user,
        template="action_needed",
        key=key_of(subscription.awaited_invoice),
        context={
            "amount": awaited.due.amount,
            "currency": awaited.due.currency,
            "plan": awaited.price.plan.name,
            "method": "",
            "grace_until": None,
            "present": subscription.plan.name,
            "confirm_by": awaited.until,
        },
        good_until=awaited.until,
        settles_in=SETTLES,
    )


def settled(invoice_id: str) -> None:
    """Confirmed, taken back, or out of time: nobody is asked any more."""
    if invoice_id:
        mails.withdraw(key_of(invoice_id))


def key_of(invoice_id: str) -> str:
    return f"confirm_change:{invoice_id}"
