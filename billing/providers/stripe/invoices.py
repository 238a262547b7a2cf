"""Stripe's invoices in our words: what they come to, line by line, and how far they have come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from billing.providers.facts import UPDATED, BillTo, Fact, InvoiceChanged, InvoicedLine
from billing.providers.stripe.reading import (
    PROVIDER,
    Payload,
    id_of,
    instant,
    instant_or_none,
    one_of,
    subscription_of_invoice,
)

STATUSES = ("draft", "open", "paid", "uncollectible", "void")
Reader = Callable[[Payload, datetime], list[Fact]]


def changed(invoice: Payload, at: datetime) -> list[Fact]:
    return [invoice_fact(invoice, at)]


def changed_and(read: Reader) -> Reader:
    """What an invoice's event says of the invoice, and of its payment."""

    def both(invoice: Payload, at: datetime) -> list[Fact]:
        return [invoice_fact(invoice, at), *read(invoice, at)]

    return both


def invoice_fact(invoice: Payload, at: datetime, rank: int = UPDATED) -> InvoiceChanged:
    moves = invoice["status_transitions"]
    return InvoiceChanged(
        provider=PROVIDER,
        at=at,
        rank=rank,
        invoice_id=invoice["id"],
        customer_id=id_of(invoice["customer"]),
        subscription_id=subscription_of_invoice(invoice)[0],
        number=invoice["number"] or "",
        status=one_of(STATUSES, invoice["status"]),
        currency=invoice["currency"],
        subtotal=invoice["subtotal"],
        discount=sum(each["amount"] for each in invoice.get("total_discount_amounts") or []),
        tax=_tax(invoice),
        total=invoice["total"],
        amount_due=invoice["amount_due"],
        amount_paid=invoice["amount_paid"],
        amount_remaining=invoice["amount_remaining"],
        hosted_url=invoice.get("hosted_invoice_url") or "",
        provider_pdf_url=invoice.get("invoice_pdf") or "",
        period_start=instant_or_none(invoice["period_start"]),
        period_end=instant_or_none(invoice["period_end"]),
        created_at=instant(invoice["created"]),
        issued_at=instant_or_none(moves["finalized_at"]),
        due_at=instant_or_none(invoice.get("due_date")),
        paid_at=instant_or_none(moves["paid_at"]),
        voided_at=instant_or_none(moves["voided_at"]),
        attempt_count=invoice["attempt_count"],
        next_attempt_at=instant_or_none(invoice.get("next_payment_attempt")),
        lines=_lines(invoice),
        bill_to=_bill_to(invoice),
    )


def _tax(invoice: Payload) -> int:
    """Only what was put on top: a tax that the prices include is in the subtotal already."""
    taxes = invoice.get("total_taxes")
    if taxes is None:  # before basil
        taxes = invoice.get("total_tax_amounts") or []
    return sum(
        each["amount"]
        for each in taxes
        if not each.get("inclusive") and each.get("tax_behavior") != "inclusive"
    )


def _lines(invoice: Payload) -> tuple[InvoicedLine, ...]:
    """An event carries the first lines only; what the others come to is one line of its own."""
    lines = invoice["lines"]
    told = [_line(line) for line in lines["data"]]
    rest = invoice["subtotal"] - sum(line.amount for line in told)
    if lines["has_more"]:
        told.append(InvoicedLine(description="Further lines", quantity=1, amount=rest))
    return tuple(told)


def _line(line: Payload) -> InvoicedLine:
    period = line.get("period") or {}
    return InvoicedLine(
        description=line.get("description") or "",
        quantity=line.get("quantity") or 1,
        amount=line["amount"],
        period_start=period.get("start"),
        period_end=period.get("end"),
    )


def _bill_to(invoice: Payload) -> BillTo:
    address: Mapping[str, Any] = invoice.get("customer_address") or {}
    town = " ".join(filter(None, [address.get("postal_code"), address.get("city")]))
    rows = [
        address.get("line1"),
        address.get("line2"),
        town,
        address.get("state"),
        address.get("country"),
    ]
    return BillTo(
        name=invoice.get("customer_name") or "",
        email=invoice.get("customer_email") or "",
        address=tuple(row for row in rows if row),
        tax_ids=tuple(str(each["value"]) for each in invoice.get("customer_tax_ids") or []),
    )
