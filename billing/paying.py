"""Paying now what a subscription owes, with the card that the provider has on file."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from billing import owing
from billing.models import Invoice, Payment, Subscription
from billing.operations import outgoing
from billing.operations.keys import KEY_LIFETIME, KeyReused
from billing.operations.models import Operation
from billing.operations.registry import Done, carries_out
from billing.providers import get_provider
from billing.subscription_life import lock_current
from billing.subscriptions import TOGETHER
from config.kit.errors import AppError
from sessions_live.models import User

KIND = "invoice.pay"


class NothingDue(AppError):
    code = "nothing_due"
    status = 409
    detail = "Nothing is due at the moment: there is no unpaid invoice of your subscription."


@dataclass(frozen=True, slots=True)
class Paid:
    """`status` is paid, processing, or action_needed: the bank wants its customer to confirm the
    payment on the page at `url`."""

    status: str
    url: str | None
    subscription: Subscription


def pay(owner: User, *, key: str | None) -> Paid:
    """Safe to repeat: whoever clicks twice waits for the one call. Raises NothingDue,
    PaymentRefused with the bank's words, KeyReused, ProviderError."""
    operation = _asked_before(owner, key)
    if operation is None:
        with transaction.atomic():
            subscription = lock_current(owner)
            arrears = owing.arrears_of(subscription)
            if subscription is None or arrears is None:
                raise NothingDue()
            operation = outgoing.request(
                kind=KIND,
                provider=subscription.provider,
                subject=f"invoice:{arrears.invoice.pk}",
                wishes={
                    "invoice_id": arrears.invoice.provider_id,
                    "subscription_id": subscription.provider_id,
                },
                user=owner,
                idempotency_key=key,
            )
    return what_came_of(outgoing.submit(operation))


def _asked_before(owner: User, key: str | None) -> Operation | None:
    """Its answer is given again, also when nothing is due any more. Raises KeyReused."""
    if key is None:
        return None
    begun = timezone.now() - KEY_LIFETIME
    found = Operation.objects.filter(user=owner, idempotency_key=key, created_at__gt=begun).first()
    if found is not None and found.kind != KIND:
        raise KeyReused()
    return found


def what_came_of(operation: Operation) -> Paid:
    invoice = Invoice.objects.get(
        provider=operation.provider, provider_id=operation.wishes["invoice_id"]
    )
    subscription = Subscription.objects.select_related(*TOGETHER).get(
        provider=operation.provider, provider_id=operation.wishes["subscription_id"]
    )
    if invoice.status == Invoice.Status.PAID:
        return Paid("paid", None, subscription)
    payments = Payment.objects.filter(provider=invoice.provider, invoice_id=invoice.provider_id)
    if payments.filter(status=Payment.Status.PROCESSING).exists():
        return Paid("processing", None, subscription)
    return Paid("action_needed", invoice.hosted_url or None, subscription)


@carries_out(KIND)
class PayInvoice:
    def call(self, operation: Operation) -> Done:
        invoice_id = operation.wishes["invoice_id"]
        provider = get_provider(operation.provider)
        return Done(invoice_id, provider.pay_invoice(invoice_id, key=str(operation.pk)))

    def look_up(self, operation: Operation) -> Done | None:
        invoice_id = operation.wishes["invoice_id"]
        told = get_provider(operation.provider).answered_invoice(invoice_id)
        return Done(invoice_id, told) if told else None
