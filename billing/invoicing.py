"""Following the provider's invoices. They may be told of in any order: only progress counts."""

from __future__ import annotations

from dataclasses import asdict

from django.db.models import Q

from billing.models import Invoice, Payment
from billing.owners import owner_of
from billing.providers.facts import InvoiceChanged
from config.kit.keyset import Sought, own
from sessions_live.models import User

# Columns that are the fact's fields of the same name.
COLUMNS = (
    "number",
    "status",
    "subtotal",
    "discount",
    "tax",
    "total",
    "amount_due",
    "amount_paid",
    "amount_remaining",
    "hosted_url",
    "provider_pdf_url",
    "period_start",
    "period_end",
    "created_at",
    "issued_at",
    "due_at",
    "paid_at",
    "voided_at",
    "attempt_count",
    "next_attempt_at",
)


def follow(fact: InvoiceChanged) -> Invoice:
    """Safe to repeat, in any order; must run inside a transaction, under the customer's lock.
    Raises NotOurs."""
    known = Invoice.objects.filter(provider=fact.provider, provider_id=fact.invoice_id).first()
    told = as_told(fact)
    if known is None:
        told.user = owner_of(provider=fact.provider, customer_id=fact.customer_id)
        told.save(force_insert=True)
        return told
    if told.progress <= known.progress:
        return known
    told.pk, told.user_id = known.pk, known.user_id
    told.save(force_update=True)
    return told


def as_told(fact: InvoiceChanged) -> Invoice:
    return Invoice(
        kind=Invoice.Kind.INVOICE,
        provider=fact.provider,
        provider_id=fact.invoice_id,
        provider_subscription_id=fact.subscription_id,
        currency=fact.currency,
        lines=[asdict(line) for line in fact.lines],
        bill_to=asdict(fact.bill_to),
        fact_at=fact.at,
        fact_rank=fact.rank,
        **{name: getattr(fact, name) for name in COLUMNS},
    )


def invoice_of(payment: Payment) -> Invoice | None:
    """The invoice, or the receipt, that a payment was made for."""
    wanted = Q(payment=payment)
    if payment.invoice_id:
        wanted |= Q(provider=payment.provider, provider_id=payment.invoice_id)
    return Invoice.objects.issued().filter(wanted, user=payment.user_id).first()


def payments_for(invoice: Invoice) -> list[Payment]:
    """Those that paid it, the first one first."""
    paid = Payment.objects.paid().filter(user=invoice.user_id)
    if invoice.payment_id:
        paid = paid.filter(pk=invoice.payment_id)
    else:
        paid = paid.filter(provider=invoice.provider, invoice_id=invoice.provider_id)
    return list(paid.order_by("paid_at", "pk"))


def issued_to(user: User) -> Sought:
    return own(Invoice.objects.issued(), "user_id", user.pk)
