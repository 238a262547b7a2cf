from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.models.payments import Payment
from config.kit.ids import new_id
from config.kit.money import Money
from config.kit.steering import Filled


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def issued(self) -> InvoiceQuerySet:
        """Those that a customer may see: drafts are not told of, as they may still change."""
        return self.filter(Filled("number"))

    def everybodys(self) -> InvoiceQuerySet:
        """With the index of all in the order of time, which serves nothing else."""
        return self.filter(Filled("currency"))


class Invoice(models.Model):
    """A provider's invoice, as it tells of it, or our own receipt for what was paid once."""

    class Kind(models.TextChoices):
        INVOICE = "invoice"
        RECEIPT = "receipt"

    class Status(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        UNCOLLECTIBLE = "uncollectible"
        VOID = "void"
        PAID = "paid"

    # An invoice only goes on: what stands later here is never followed by what stands earlier.
    STAGES = tuple(Status)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Without an index of its own: `invoices_of_user` begins with it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="invoices",
        db_index=False,
    )
    kind = models.CharField(max_length=10, choices=Kind)
    provider = models.CharField(max_length=20)
    # The provider's invoice; of a receipt its payment.
    provider_id = models.CharField(max_length=255)
    # Of a receipt only; the payments of an invoice know its id.
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="receipt"
    )
    provider_subscription_id = models.CharField(max_length=255, blank=True)
    number = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=20, choices=Status)
    currency = models.CharField(max_length=3)
    subtotal = models.BigIntegerField()
    discount = models.BigIntegerField(default=0)
    tax = models.BigIntegerField(default=0)
    total = models.BigIntegerField()
    amount_due = models.BigIntegerField()
    amount_paid = models.BigIntegerField()
    amount_remaining = models.BigIntegerField()
    # [{description, quantity, amount, period_start, period_end}], as they were invoiced.
    lines = models.JSONField(default=list)
    # {name, email, address: [..], tax_ids: [..]}, as they were then.
    bill_to = models.JSONField(default=dict)
    hosted_url = models.TextField(blank=True)
    provider_pdf_url = models.TextField(blank=True)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    issued_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    attempt_count = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    # When the provider last changed it, as far as we have been told: older news is not applied.
    fact_at = models.DateTimeField()
    fact_rank = models.PositiveSmallIntegerField(default=0)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("provider", "provider_id", name="one_row_per_invoice"),
            models.UniqueConstraint(
                "number", condition=Q(kind="receipt"), name="one_receipt_per_number"
            ),
            models.CheckConstraint(
                condition=Q(kind="invoice", payment=None)
                | Q(kind="receipt", payment__isnull=False) & ~Q(number=""),
                name="receipt_has_payment_and_number",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="invoices_of_user"),
            models.Index(
                fields=["user", "-created_at", "-id"],
                condition=~Q(number=""),
                name="invoices_issued_to_user",
            ),
            models.Index(
                fields=["-created_at", "-id"], condition=~Q(currency=""), name="invoices_newest"
            ),
            models.Index(fields=["status", "-created_at", "-id"], name="invoices_by_status"),
            models.Index(
                fields=["provider_subscription_id"],
                condition=Q(status="open") & ~Q(provider_subscription_id=""),
                name="invoices_owed",
            ),
            models.Index(fields=["number"], condition=~Q(number=""), name="invoices_by_number"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number or 'without a number'}"

    def money(self, column: str = "total") -> Money:
        return Money(getattr(self, column), self.currency)

    @property
    def progress(self) -> tuple[int, int, int, datetime, int]:
        """How far it has come; of two states the one with the greater progress is the later."""
        return (
            self.STAGES.index(self.Status(self.status)),
            self.attempt_count,
            self.amount_paid,
            self.fact_at,
            self.fact_rank,
        )


class NumberSeries(models.Model):
    """Numbers without a gap: the next one is given under the row's lock, in the transaction that
    uses it."""

    name = models.CharField(max_length=40, primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.last}"
