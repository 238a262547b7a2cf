"""The books: accounts, transfers between them, and the entries that say how much of each.

An amount is positive where money arrives and negative where it leaves; what an account has is the
sum of its entries. The database keeps all of that by itself, see guards.py.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.wallet import guards
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
