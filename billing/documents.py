"""What stands on an invoice or a receipt: plain words and exact sums, made of the rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils import dateformat
from django.utils.dateparse import parse_datetime

from billing import invoicing, returns
from billing.branding import product_name
from billing.models import Invoice, Payment
from config.kit.money import Money

MOST_LINES = 200
Status = Invoice.Status
STATES = {
    Status.DRAFT: "Draft",
    Status.OPEN: "To be paid",
    Status.PAID: "Paid",
    Status.VOID: "Void: nothing is owed",
    Status.UNCOLLECTIBLE: "Not collected",
}
# Refunds that did not move money are not shown.
MOVED = ("succeeded", "pending", "processing")


@dataclass(frozen=True, slots=True)
class Row:
    description: str
    quantity: int
    amount: Money
    period: str = ""


@dataclass(frozen=True, slots=True)
class Sum:
    label: str
    amount: Money
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    title: str
    number: str
    state: str
    made_at: datetime
    seller: Sequence[str]
    buyer: Sequence[str]
    facts: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    sums: Sequence[Sum]
    payments: Sequence[Sum]


def document_of(invoice: Invoice) -> Document:
    payments = invoicing.payments_for(invoice)
    refunds = [refund for payment in payments for refund in money_back(payment)]
    return Document(
        title=invoice.get_kind_display(),
        number=invoice.number,
        state=STATES[Status(invoice.status)],
        made_at=invoice.issued_at or invoice.created_at,
        seller=seller(),
        buyer=buyer(invoice),
        facts=facts(invoice, payments),
        rows=rows(invoice),
        sums=sums(invoice),
        payments=[*map(paid, payments), *refunds, *net(invoice, payments, refunds)],
    )


def seller() -> list[str]:
    address = [row.strip() for row in settings.SELLER_ADDRESS.split("|") if row.strip()]
    tax_id = [f"Tax ID {settings.SELLER_TAX_ID}"] if settings.SELLER_TAX_ID else []
    return [settings.SELLER_NAME or product_name(), *address, *tax_id]


def buyer(invoice: Invoice) -> list[str]:
    known: Mapping[str, Any] = invoice.bill_to
    tax_ids = [f"Tax ID {tax_id}" for tax_id in known["tax_ids"]]
    return [row for row in (known["name"], known["email"], *known["address"], *tax_ids) if row]


def facts(invoice: Invoice, payments: Sequence[Payment]) -> list[tuple[str, str]]:
    methods = ", ".join(dict.fromkeys(payment.method for payment in payments if payment.method))
    known = [
        ("Number", invoice.number),
        ("Date", day(invoice.issued_at or invoice.created_at)),
        ("Due", day(invoice.due_at) if invoice.status == Status.OPEN else ""),
        ("Paid", day(invoice.paid_at)),
        ("Paid with", methods),
    ]
    return [(label, words) for label, words in known if words]


def rows(invoice: Invoice) -> list[Row]:
    """Of very long ones the first lines, and what the others come to."""
    told = [
        Row(
            line["description"] or "Item",
            line["quantity"],
            Money(line["amount"], invoice.currency),
            period(line),
        )
        for line in invoice.lines
    ]
    if len(told) <= MOST_LINES:
        return told
    rest = sum(row.amount.amount for row in told[MOST_LINES:])
    more = f"{len(told) - MOST_LINES} more lines"
    return [*told[:MOST_LINES], Row(more, 1, Money(rest, invoice.currency))]


def period(line: Mapping[str, Any]) -> str:
    start, end = line["period_start"], line["period_end"]
    if not start or not end or start == end:
        return ""
    first, last = (datetime.fromtimestamp(at, UTC) for at in (start, end))
    return f"{day(first)} to {day(last)}"


def sums(invoice: Invoice) -> list[Sum]:
    money = invoice.money
    told = [Sum("Subtotal", money("subtotal"))]
    if invoice.discount:
        told.append(Sum("Discount", Money(-invoice.discount, invoice.currency)))
    if invoice.tax:
        told.append(Sum("Tax", money("tax")))
    told.append(Sum("Total", money("total"), strong=True))
    credit = invoice.amount_due - invoice.total
    if credit:
        told.append(Sum("From the balance", Money(credit, invoice.currency)))
    if invoice.status == Status.OPEN:
        told.append(Sum("Still to be paid", money("amount_remaining"), strong=True))
    return told


def paid(payment: Payment) -> Sum:
    by = f", {payment.method}" if payment.method else ""
    return Sum(f"Paid on {day(payment.paid_at)}{by}", payment.money)


def money_back(payment: Payment) -> list[Sum]:
    """As the app above tells of it that gives money back."""
    return [
        Sum(
            " ".join(filter(None, ["Refunded on", day(instant(refund.get("created_at")))])),
            Money(-refund["amount"], refund.get("currency") or payment.currency),
        )
        for refund in returns.teller().refunds_of(payment)
        if refund["status"] in MOVED
    ]


def net(invoice: Invoice, payments: Sequence[Payment], refunds: Sequence[Sum]) -> list[Sum]:
    if not refunds:
        return []
    kept = sum(payment.amount for payment in payments) + sum(each.amount.amount for each in refunds)
    return [Sum("Paid after refunds", Money(kept, invoice.currency), strong=True)]


def instant(told: Any) -> datetime | None:
    return parse_datetime(told) if isinstance(told, str) else told


def day(at: datetime | None) -> str:
    return dateformat.format(at.astimezone(UTC), "j F Y") if at else ""
