"""Telling the two sides of an escrow what becomes of its money: on their open pages, and the payee
by mail. Each function is called once, in the transaction of what it tells of."""

from __future__ import annotations

from django.utils import timezone

from billing import mails, notices
from billing.models import Payment
from billing.wallet import escrow, news
from billing.wallet.models import Escrow
from config.kit.money import Money


def secured(payment: Payment, agreed: Escrow) -> None:
    """Its payer hears that it is held, from `payment_changed`."""
    notices.say(agreed.payee_id, payment, "Payment secured")
    news.awaited(agreed.payee_id, agreed.currency)
    mails.queue(
        user=agreed.payee,
        template="escrow_secured",
        key=f"escrow_secured:{agreed.pk}",
        context={
            "amount": agreed.amount,
            "currency": agreed.currency,
            "payer": agreed.payer.email,
            "what": agreed.description,
            "fee": escrow.fee_of(agreed, agreed.amount).amount or None,
            "held_at": agreed.held_at,
            "release_at": agreed.release_at,
        },
    )


def released(payment: Payment, agreed: Escrow, *, since: int) -> None:
    """`since`: how much of it had been released before."""
    is_all = agreed.left.amount == 0
    _say(payment, agreed, "Payment released" if is_all else "A part was released")
    news.changed(agreed.payee_id, agreed.currency)
    fee = (escrow.fee_of(agreed, agreed.released) - escrow.fee_of(agreed, since)).amount
    mails.queue(
        user=agreed.payee,
        template="escrow_released",
        key=f"escrow_released:{agreed.pk}:{agreed.released}",
        context={
            "amount": agreed.released - since - fee,
            "currency": agreed.currency,
            "payer": agreed.payer.email,
            "what": agreed.description,
            "fee": fee or None,
            "at": timezone.now(),
            "left": agreed.left.amount or None,
        },
    )


def waits(agreed: Escrow) -> None:
    """To its payer."""
    mails.queue(
        user=agreed.payer,
        template="escrow_waiting",
        key=f"escrow_waiting:{agreed.pk}",
        context={
            "amount": agreed.left.amount,
            "currency": agreed.currency,
            "payee": agreed.payee.email,
            "what": agreed.description,
            "held_at": agreed.held_at,
            "release_at": agreed.release_at,
        },
    )


# --- back to the payer ----------------------------------------------------------------------------
def returned(payment: Payment, agreed: Escrow, money: Money) -> None:
    _say(payment, agreed, f"{money} goes back to you", f"{money} went back to the payer")
    news.changed(agreed.payee_id, money.currency)


def came_back(payment: Payment, agreed: Escrow, money: Money) -> None:
    to_payee = f"{money} came back, as it did not reach the payer"
    _say(payment, agreed, f"A refund of {money} did not reach you", to_payee)
    news.changed(agreed.payee_id, money.currency)


def disputed(payment: Payment, agreed: Escrow) -> None:
    _say(payment, agreed, "Your bank disputes this payment", "The payer's bank disputes it")


def dispute_won(payment: Payment, agreed: Escrow) -> None:
    _say(payment, agreed, "The bank has decided: the payment stands")


def dispute_lost(payment: Payment, agreed: Escrow, money: Money) -> None:
    to_payee = f"The payer's bank gave {money} back to them"
    _say(payment, agreed, f"Your bank gave {money} back to you", to_payee)
    news.changed(agreed.payee_id, money.currency)


def _say(payment: Payment, agreed: Escrow, to_payer: str, to_payee: str = "") -> None:
    """The same words to both, where there are no others for the payee."""
    notices.say(agreed.payer_id, payment, to_payer)
    notices.say(agreed.payee_id, payment, to_payee or to_payer)
