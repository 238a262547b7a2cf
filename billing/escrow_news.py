"""What became of a payment into escrow that no webhook told of, and giving up what nobody pays.
Webhook, payer's question and sweep end in the same effects."""

from __future__ import annotations

import logging

from django.db import transaction

from billing import escrow_payments, payments, quiet
from billing.models import Customer, Payment
from billing.operations import outgoing
from billing.providers import get_provider
from billing.providers.base import ProviderError, ProviderRefused
from billing.providers.facts import CheckoutFailed, CheckoutPaid, Fact, PaymentSucceeded
from billing.wallet import escrow
from billing.wallet.models import Escrow
from billing.webhooks import inbox
from billing.webhooks.registry import NotOurs, dispatch
from config.kit.errors import AppError
from sessions_live.models import User

log = logging.getLogger(__name__)


class PaidAlready(AppError):
    code = "paid_already"
    status = 409
    detail = "It is paid, or being paid at this moment; it cannot be canceled any more."


# --- asking ---------------------------------------------------------------------------------------
def get_escrow(user: User, escrow_id: str) -> Escrow:
    """As somebody who pays or is paid. Where no webhook has told its payer yet, the provider is
    asked, and the same effects happen as if it had. Raises EscrowNotFound."""
    found = escrow_payments.find_for(user, escrow_id)
    if found.held_at or found.closed_at or user.pk != found.payer_id:
        return found
    try:
        ask_about(found)
    except ProviderError as error:
        # What we know is an answer, too.
        log.info("escrow %s not asked about: %s", found.pk, error.code)
    return escrow_payments.find_for(user, escrow_id)


def ask_about(agreed: Escrow) -> None:
    """Raises ProviderError."""
    facts = read(agreed)
    if not facts:
        return
    customer = Customer.objects.get(user=agreed.payer_id, provider=agreed.provider)
    with transaction.atomic():
        inbox.hold_subject(agreed.provider, customer.provider_id or "")
        for fact in facts:
            dispatch(fact)


def read(agreed: Escrow) -> tuple[Fact, ...]:
    """Network."""
    provider = get_provider(agreed.provider)
    if agreed.page_id:
        return provider.read_checkout(agreed.page_id).facts
    payment = Payment.objects.filter(pk=agreed.pk).first()
    return provider.read_intent(payment.provider_id).facts if payment else ()


# --- what the hosted page tells -------------------------------------------------------------------
def page_paid(fact: CheckoutPaid) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs."""
    agreed = of_page(fact)
    if not agreed.page_id:
        # We died between the provider's answer and our note of it.
        Escrow.objects.filter(pk=agreed.pk).update(page_id=fact.checkout_id)
    if fact.payment_id:
        payments.record_payment(PaymentSucceeded.of_checkout(fact))


def page_closed(fact: CheckoutFailed) -> None:
    """Safe to repeat; must run inside a transaction. Raises NotOurs."""
    escrow_payments.closed(of_page(fact).pk)


def of_page(fact: CheckoutPaid | CheckoutFailed) -> Escrow:
    agreed = escrow.find(fact.escrow_id)
    if agreed is None or agreed.page_id not in ("", fact.checkout_id):
        raise NotOurs(f"checkout {fact.checkout_id} is of no escrow of ours")
    return agreed


# --- giving up ------------------------------------------------------------------------------------
def cancel(user: User, agreed: Escrow) -> None:
    """The payer's word. Raises PaidAlready, ProviderError."""
    close(agreed)
    if not escrow_payments.find_for(user, str(agreed.pk)).closed_at:
        raise PaidAlready()


def close(agreed: Escrow) -> None:
    """So that nobody pays it any more; what is paid already becomes known. Safe to repeat. Raises
    ProviderError."""
    if agreed.held_at or agreed.closed_at:
        return
    try:
        stop_asking(agreed)
    except ProviderRefused:
        # Paid or over already, or under way at the bank.
        ask_about(agreed)
    else:
        escrow_payments.closed(agreed.pk)


def stop_asking(agreed: Escrow) -> None:
    if agreed.page_id:
        get_provider(agreed.provider).expire_checkout(agreed.page_id)
        return
    payment = Payment.objects.filter(pk=agreed.pk).first()
    if payment is None:
        return
    with transaction.atomic():
        escrow.lock(agreed.pk)
        canceling = outgoing.request(
            kind="intent.cancel",
            provider=agreed.provider,
            subject=f"escrow:{agreed.pk}",
            wishes={"intent_id": payment.provider_id},
            user=agreed.payer,
        )
    outgoing.submit(canceling)


# --- what was forgotten ---------------------------------------------------------------------------
def ask_about_quiet() -> int:
    return quiet.ask_about_all(Escrow.objects.unpaid(), ask=ask_about, give_up=give_up)


def give_up(agreed: Escrow) -> None:
    """Raises ProviderError."""
    under_way = Payment.objects.filter(pk=agreed.pk, status=Payment.Status.PROCESSING)
    if not under_way.exists():
        close(escrow.get(agreed.pk))
