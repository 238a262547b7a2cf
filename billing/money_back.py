"""Money that went back to who paid, whoever sent it: a refund, or what a bank takes in a dispute.
Here it is booked, and borne by whom it belongs to; whether somebody still has access is not asked.
"""

from __future__ import annotations

from billing import escrow_notices
from billing.models import Payment
from billing.providers.money_back_facts import DisputeChanged, MoneyBack, RefundChanged
from billing.wallet import bookings, escrow
from billing.wallet.models import Escrow
from billing.webhooks.registry import NotOurs, Unclear


def follow_refund(fact: RefundChanged) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs, Unclear."""
    payment, agreed = _paid(fact)
    if not fact.sent:
        return
    reference = f"refund:{fact.provider}:{fact.refund_id}"
    if agreed is None:
        bookings.refund(reference, fact.provider, fact.money, description=payment.description)
        if fact.came_back:
            bookings.undo(reference, why="The refund did not arrive")
        return
    if escrow.returned(agreed.pk, fact.money, reference=reference, reserved=False):
        escrow_notices.returned(payment, agreed, fact.money)
    if fact.came_back and escrow.came_back(agreed.pk, fact.money, reference=reference):
        escrow_notices.came_back(payment, agreed, fact.money)


def follow_dispute(fact: DisputeChanged) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs, Unclear."""
    payment, agreed = _paid(fact)
    if not fact.taken:
        return
    of_dispute = (fact.dispute_id, fact.provider, fact.money)
    is_new = bookings.dispute_opened(*of_dispute)
    ended = fact.given_back and bookings.dispute_won(*of_dispute)
    if agreed is None:
        return
    if fact.lost:
        reference = f"dispute:{fact.provider}:{fact.dispute_id}:lost"
        if escrow.lost_to_dispute(agreed.pk, fact.money, reference=reference):
            escrow_notices.dispute_lost(payment, agreed, fact.money)
    elif ended:
        escrow.thaw(agreed.pk)
        escrow_notices.dispute_won(payment, agreed)
    elif is_new:
        escrow.freeze(agreed.pk)
        escrow_notices.disputed(payment, agreed)


def _paid(fact: MoneyBack) -> tuple[Payment, Escrow | None]:
    """The payment, and what it waits for if it was paid into escrow. Its own news may come later
    than this: then the provider is asked."""
    rows = Payment.objects.paid().filter(provider=fact.provider, provider_id=fact.payment_id)
    payment = rows.first()
    if payment is None and not fact.settled:
        raise Unclear(fact)
    if payment is None:
        raise NotOurs(f"payment {fact.payment_id} is none of ours")
    return payment, Escrow.objects.filter(pk=payment.pk).first()
