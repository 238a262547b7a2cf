"""The books: accounts, transfers between them, and the entries that say how much of each.

An amount is positive where money arrives and negative where it leaves; what an account has is the
sum of its entries. The database keeps all of that by itself, see guards.py.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from billing.wallet import guards
from config.kit.ids import new_id
from config.kit.money import Money

SOMEBODYS = r"^(wallet|escrow|receivable):"


class Account(models.Model):
    """In one currency. Shared ones are written to by everybody and have no floor; what their
    entries changed waits in Delta until it is folded into `balance`."""

    name = models.CharField(max_length=100)
    currency = models.CharField(max_length=3)
    balance = models.BigIntegerField(default=0)
    is_shared = models.BooleanField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint("name", "currency", name="one_account_per_currency"),
            models.CheckConstraint(
                condition=Q(is_shared=True) & ~Q(name__regex=SOMEBODYS)
                | Q(is_shared=False, name__regex=SOMEBODYS),
                name="shared_accounts_are_nobodys",
            ),
            models.CheckConstraint(
                condition=~Q(name__regex="^(wallet|escrow):") | Q(balance__gte=0),
                name="wallet_not_below_zero",
            ),
            models.CheckConstraint(
                condition=~Q(name__startswith="receivable:") | Q(balance__lte=0),
                name="debt_not_above_zero",
            ),
            models.CheckConstraint(
                condition=Q(currency__regex="^[a-z]{3}$"), name="account_has_a_currency"
            ),
        ]
        triggers: ClassVar[list[guards.Guard]] = [
            guards.OPENS_EMPTY,
            guards.MOVED_BY_ENTRIES,
            *guards.kept("account", what=guards.DELETED),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"

    @property
    def money(self) -> Money:
        return Money(self.balance, self.currency)


class Transfer(models.Model):
    """Something that happened, under a name of its own: the same name never happens twice."""

    reference = models.CharField(max_length=255, unique=True)
    kind = models.CharField(max_length=40)
    description = models.CharField(max_length=300, blank=True)
    size = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(size__gte=2), name="transfer_has_two_sides"),
            models.CheckConstraint(condition=~Q(reference=""), name="transfer_has_a_reference"),
        ]
        triggers: ClassVar[list[guards.Guard]] = [guards.IS_BALANCED, *guards.kept("transfer")]

    def __str__(self) -> str:
        return self.reference


class Entry(models.Model):
    """How much one account took or gave. `balance` is what somebody's account had after it."""

    # The trigger that moves the balance looks both up; a second look would only lock rows that
    # everybody shares, and neither can ever go away.
    transfer = models.ForeignKey(
        Transfer,
        on_delete=models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
    )
    line = models.PositiveSmallIntegerField()
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
    )
    amount = models.BigIntegerField()
    balance = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "entries"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint("transfer", "line", name="one_entry_per_line"),
            models.CheckConstraint(condition=~Q(amount=0), name="entry_amount_not_zero"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["account", "-id"], name="entries_of_account"),
        ]
        triggers: ClassVar[list[guards.Guard]] = [
            guards.MOVES_ITS_ACCOUNT,
            *guards.kept("entry"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+} {self.account_id}"


class Delta(models.Model):
    """A change of a shared account that is not in its `balance` yet."""

    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="deltas",
        db_constraint=False,
        db_index=False,
    )
    amount = models.BigIntegerField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["account"], include=["amount"], name="deltas_of_account"),
        ]
        triggers: ClassVar[list[guards.Guard]] = [
            guards.PUT_ASIDE_BY_ENTRIES,
            guards.FOLDED,
            *guards.kept("delta", what=guards.UPDATED),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+} {self.account_id}"


class EscrowQuerySet(models.QuerySet["Escrow"]):
    def of(self, user_id: int) -> EscrowQuerySet:
        return self.filter(Q(payer=user_id) | Q(payee=user_id))

    def unpaid(self) -> EscrowQuerySet:
        """Those that can still be paid."""
        return self.filter(held_at=None, closed_at=None)

    def holding(self) -> EscrowQuerySet:
        return self.exclude(held_at=None).filter(
            amount__gt=F("released") + F("returned") + F("returning")
        )


class Escrow(models.Model):
    """Somebody pays somebody else, who gets it when the payer says so. Committed before the
    provider hears of it; its id is that of the payment, and its money lies in `escrow:<id>`."""

    class Way(models.TextChoices):
        INTENT = "intent", "confirmed by the client"
        PAGE = "page", "on the hosted page"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Both without an index of their own: `escrows_of_payer` and `_payee` begin with them.
    payer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="escrows_paid",
        db_index=False,
    )
    payee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="escrows_received",
        db_index=False,
    )
    provider = models.CharField(max_length=20)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    description = models.CharField(max_length=300, blank=True)
    # The platform's share as it was when they agreed, in hundredths of a percent.
    fee_bps = models.PositiveSmallIntegerField()
    way = models.CharField(max_length=10, choices=Way, default=Way.INTENT)
    client_secret = models.CharField(max_length=255, blank=True, editable=False)
    # The hosted page that it is paid on, if that is its way.
    page_id = models.CharField(max_length=255, blank=True)
    page_url = models.TextField(blank=True)
    released = models.BigIntegerField(default=0)
    returned = models.BigIntegerField(default=0)
    # Promised to the payer, but not on its way back yet.
    returning = models.BigIntegerField(default=0)
    held_at = models.DateTimeField(null=True, blank=True)
    # Nobody is asked for it any more. What is paid at that very moment is held all the same.
    closed_at = models.DateTimeField(null=True, blank=True)
    # When the sweep last asked the provider about it.
    asked_at = models.DateTimeField(null=True, blank=True)
    # A bank asks for the money back: nothing moves until it has decided.
    frozen_at = models.DateTimeField(null=True, blank=True)
    # None: never, done, or nothing left.
    remind_at = models.DateTimeField(null=True, blank=True)
    release_at = models.DateTimeField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = EscrowQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint("payer", "idempotency_key", name="one_escrow_per_key"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="escrow_above_zero"),
            models.CheckConstraint(condition=~Q(payer=F("payee")), name="escrow_between_two"),
            models.CheckConstraint(
                condition=Q(released__gte=0, returned__gte=0, returning__gte=0)
                & Q(amount__gte=F("released") + F("returned") + F("returning")),
                name="escrow_not_overdrawn",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["payer", "-created_at", "-id"], name="escrows_of_payer"),
            models.Index(fields=["payee", "-created_at", "-id"], name="escrows_of_payee"),
            models.Index(
                fields=["payee"],
                condition=Q(held_at__isnull=False)
                & Q(amount__gt=F("released") + F("returned") + F("returning")),
                name="escrows_holding_for_payee",
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(held_at=None, closed_at=None),
                name="escrows_unpaid",
            ),
            models.Index(
                fields=["remind_at"], condition=~Q(remind_at=None), name="escrows_to_remind"
            ),
            models.Index(
                fields=["release_at"], condition=~Q(release_at=None), name="escrows_to_release"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money} from {self.payer} to {self.payee}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def released_money(self) -> Money:
        return Money(self.released, self.currency)

    @property
    def returned_money(self) -> Money:
        return Money(self.returned, self.currency)

    @property
    def returning_money(self) -> Money:
        return Money(self.returning, self.currency)

    @property
    def left(self) -> Money:
        """What can still be released or returned."""
        if self.held_at is None:
            return Money(0, self.currency)
        gone = self.released + self.returned + self.returning
        return Money(self.amount - gone, self.currency)


class Release(models.Model):
    """One handing over of escrowed money, in whole or in part."""

    escrow = models.ForeignKey(Escrow, on_delete=models.PROTECT, related_name="releases")
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    # None: the platform itself, when the time was up.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint("escrow", "by", "idempotency_key", name="one_release_per_key"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, fee__gte=0, amount__gte=F("fee")),
                name="release_above_zero",
            ),
        ]

    def __str__(self) -> str:
        return f"{Money(self.amount, self.escrow.currency)} of {self.escrow}"
